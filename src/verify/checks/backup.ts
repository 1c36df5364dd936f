import { type Found, pass } from "../../base/finding.ts";
import { counted, formatBytes, formatDuration } from "../../base/quantity.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { HarborError, isStop } from "../../base/errors.ts";
import type { BackupPlace } from "../../backup/store/place.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import { type Delivery, readDeliveries } from "../../backup/store/deliveries.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import { hasRows } from "../../state/count_rows.ts";
import { proofText, proofWords } from "../../engines/backup/content.ts";
import { onlyReadBack } from "../../backup/verify.ts";
import { type Check, type CheckContext, couldNotCheck, failure } from "./check.ts";

/** The newest backup: that there is one, that it is whole, and with `--restore-drill` that it can be restored. */
export const backupCheck: Check = {
  name: "backup",
  summary:
    "the newest backup is young enough, its manifest can be trusted and its bytes are those that were written; with --restore-drill it is restored aside and compared; with --copy-to its copy is in that bucket",
  cost:
    "reads the newest backup once, about 1 s per GB; --restore-drill takes as long as making one, and as much space",
  async *run(context) {
    const { store } = context.backups;
    const { own, fromFuture, problems, doubt } = await store.list(await context.identity());
    yield* problems.map(failure);
    yield* fromFuture.map(notYet);
    const [newest] = own;
    if (doubt !== null) return yield couldNotCheck(doubt);
    if (newest === undefined) {
      if (fromFuture.length === 0) yield none(store.place.name, await hasNothingToLose(context));
      return;
    }
    const late = judgeAge(newest, context);
    if (late !== null) yield late;
    const here = await context.within((signal) => look(newest, context, signal));
    const found = [...here];
    const { copies } = context.backups;
    // Of a place that can be asked, the record is not the last word.
    const undelivered = readDeliveries(newest.path).filter(({ to, error }) =>
      error !== null && to !== copies?.recorded
    );
    found.push(...undelivered.map(notDelivered));
    if (copies !== null) found.push(await context.within((signal) => lookThere(newest, copies, signal)));
    yield* found.filter(({ status }) => status !== "pass").map((each) => named(newest, each));
    if (late !== null || fromFuture.length > 0 || found.some(({ status }) => status !== "pass")) return;
    const { createdAt, bytes, tables, proof } = newest.manifest;
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    const { isDrill } = context.backups;
    const how = isDrill
      ? `restored aside now: ${here.at(-1)?.message}`
      : `as it was written, and ${
        proof === "read back"
          ? `then ${proofText(newest.manifest)}`
          : `proven then (${proofWords(newest.manifest)})`
      }`;
    const whole = pass(
      `the newest of ${own.length} is ${age(createdAt, context)} old: ${formatBytes(bytes)}, ${
        counted(rows, "row")
      }, ${how}${copies === null ? "" : `; its copy is in ${copies.name}`}`,
      { path: newest.path, createdAt, bytes, ...copies === null ? {} : { copy: copies.name } },
    );
    if (isDrill || proof !== "read back") return yield whole;
    const { details, ...open } = onlyReadBack(newest.manifest);
    yield { ...whole, ...open, details: { ...whole.details, ...details } };
  },
};

/** Looks at the file's bytes, or at all that comes out of them. */
async function look(
  newest: StoredBackup,
  { backups }: CheckContext,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  if (!backups.isDrill) return [await backups.store.look(newest, signal)];
  return (await backups.store.verify(newest.path, signal)).findings;
}

/** Looks whether a copy of the same backup is in another place, as far as that says without sending it. */
async function lookThere(newest: StoredBackup, copies: BackupPlace, signal: AbortSignal): Promise<Found> {
  const { id, file, sha256 } = newest.manifest;
  const path = `${copies.name}/${file}`;
  const missing = (state: string): Found => ({
    status: "fail",
    message: `not delivered to ${copies.recorded}: ${state}`,
    hint: `harbor-db backup copy ${quoteForShell(newest.path)} --copy-to ${quoteForShell(copies.written)}`,
    details: { to: copies.name },
  });
  try {
    const there = await copies.read(path, signal);
    if (there.manifest.id !== id || there.manifest.sha256 !== sha256) {
      return missing("the manifest there is that of another backup");
    }
    const found = await copies.look(there, signal);
    if (found.status === "pass") return found;
    // Nothing there is replaced, so that what is damaged has to go first.
    const first = `harbor-db backup delete ${quoteForShell(id)} --from ${quoteForShell(copies.written)}`;
    const again = missing(found.message);
    return { ...again, hint: `${first} && ${again.hint}` };
  } catch (error) {
    if (error instanceof HarborError && error.code === "damaged_backup") return missing(error.message);
    return couldNotCheck(error, `its copy in ${copies.name}`);
  }
}

function named({ path }: StoredBackup, { status, message, hint, details }: Found): Found {
  return { status, message: `the newest backup: ${message}`, hint, details: { ...details, path } };
}

function notDelivered({ to, at, error }: Delivery): Found {
  return {
    status: "fail",
    message: `not delivered (${[to, at].filter((each) => each !== null).join(", ")}): ${error}`,
    hint: "Mend what was in the way; harbor-db backup then makes and delivers another one.",
    details: { to, at },
  };
}

function notYet({ path, manifestPath, manifest: { createdAt } }: StoredBackup): Found {
  const files = [path, manifestPath].map(quoteForShell).join(" ");
  return {
    status: "fail",
    message: `"${path}" is dated in the future, ${createdAt}: how old it is nobody knows`,
    hint:
      `Put the clock right (date -u). If it is: harbor-db backup, then remove that one by hand: rm ${files}`,
    details: { path, createdAt },
  };
}

function none(folder: string, isEmpty: boolean): Found {
  const state = `there is no backup of this database in "${folder}"`;
  const remedy = "harbor-db backup, every night; where another program makes backups: --skip backup";
  return isEmpty
    ? {
      status: "warn",
      message: `${state}: none of its tables has a row yet`,
      hint: `With the first row this fails: ${remedy}`,
      details: { folder, rows: 0 },
    }
    : { status: "fail", message: state, hint: remedy, details: { folder } };
}

/** Whether it was seen that nothing is in the database but its schema: what cannot be looked into may hold anything. */
async function hasNothingToLose(context: CheckContext): Promise<boolean> {
  try {
    const database = await context.database();
    const { tables, others } = await context.schema();
    if (others.some(({ kind }) => kind === "table")) return false;
    if ((await (await loadInspector(database.dialect)).sideTables(database)).length > 0) return false;
    for (const { name } of tables) {
      await context.pace.next();
      if (await hasRows(database, name) !== false) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof HarborError && isStop(error)) throw error;
    return false;
  }
}

function judgeAge({ path, manifest: { createdAt } }: StoredBackup, context: CheckContext): Found | null {
  const { maxAgeMs } = context.backups;
  const ageMs = context.now().getTime() - Date.parse(createdAt);
  if (ageMs <= maxAgeMs) return null;
  return {
    status: "fail",
    message: `the newest backup is ${age(createdAt, context)} old, older than ${formatDuration(maxAgeMs)}`,
    hint: "harbor-db backup; and see why the nightly one was not made",
    details: { path, createdAt, ageSeconds: Math.round(ageMs / 1_000), maxAgeSeconds: maxAgeMs / 1_000 },
  };
}

function age(createdAt: string, { now }: CheckContext): string {
  return formatDuration(Math.max(0, now().getTime() - Date.parse(createdAt)));
}
