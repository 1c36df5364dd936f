import { isOwnTable } from "../../sql/own/tables.ts";
import { counted } from "../../base/quantity.ts";
import { HarborError, messageOf } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { DatabaseUrl } from "../../base/url/database_url.ts";
import type { App } from "../../cli/app.ts";
import { isRegularFile } from "../../base/files/regular_file.ts";
import { type Kept, readKept } from "../../engines/kept_table.ts";
import { readCounted } from "../../migrate/kept/count_kept.ts";
import { amountText, keptJson, stepText, whatText } from "./kept_output.ts";
import { proofText } from "../../engines/backup/content.ts";
import type { BareBackup } from "../../backup/bare_file.ts";
import type { Backups } from "../../backup/open_backups.ts";
import type { StoredBackup } from "../../backup/store/folder.ts";
import type { RestoreResult } from "../../backup/restore.ts";
import { deliver } from "./deliver.ts";
import { findNamed } from "./find_named.ts";
import {
  backupOptions,
  type deliveryOptions,
  identityOption,
  openAppBackups,
  otherUrl,
  sourceOptions,
} from "./options.ts";
import { findLostTables, hasSchemas, lostJson, type LostTable, lostText } from "./lost_tables.ts";
import { positionText } from "./output.ts";
import { defineCommand } from "../../cli/command.ts";
import { flag, text, type Values } from "../../cli/options.ts";

export const restoreCommand = defineCommand({
  description:
    "Says what is there now and asks; without a terminal it needs --yes. Proves the backup first and backs up what it is about to replace, so that there is a way back. Stop the application before.",
  options: {
    to: text("--to <url>", "another database to restore into"),
    ...identityOption,
    noBackup: flag("--no-backup", "do not back up what is replaced"),
    ...sourceOptions,
    ...backupOptions,
  },
  examples: [
    { line: "restore openharbor-20260728T1011", does: "the backup whose id begins so" },
    { line: "restore latest", does: "the newest of this database, which may be lost" },
    { line: "restore latest --from s3://bucket/nightly", does: "out of the bucket that copies go to" },
    { line: "restore copy.db --to sqlite:///copy_of_app.db", does: "into another database, to look at it" },
  ],
  run: async (app, { args, options }) => {
    const { refuseBackup } = await import("../../backup/store/folder.ts");
    const { report, settings } = app;
    const target = options.to === undefined ? app.databaseUrl() : otherUrl(app, options.to);
    const source = await openAppBackups(app, options);
    const path = await findNamed(app, source, args[0]!);
    const backups = await openAppBackups(app, options, target);
    const backup = await source.place.read(path).catch((error) => orBare(error, backups, path));
    const bare = "kind" in backup ? backup : null;
    if (target.isFile) refuseBackup(target, path);
    // Whether the history can be read must not show when the database is replaced.
    await app.readHistory(target.dialect);
    if (bare !== null) { for (const line of bareWords(bare)) report.note(line); }
    const replacedKept = await keptIn(app, target);
    const lost = await lostIn(app, target, backup);
    if (!settings.yes) {
      await ask(app, { target, backup, bare, noBackup: options.noBackup, replacedKept, lost });
    }
    if (options.noBackup) report.note("--no-backup: what is replaced is not backed up");

    let isOpen = false;
    const restore = (context: RunContext | null) => {
      isOpen = true;
      return backups.restore(context, { backup, keepsOld: !options.noBackup, lockWaitMs: app.lockWaitMs });
    };
    let result: RestoreResult;
    try {
      result = app.isAbsent(target) ? await restore(null) : await app.withRun("write", restore, target);
    } catch (error) {
      const isDamaged = error instanceof HarborError && error.code === "not_a_database" && !isOpen;
      if (!isDamaged) throw error;
      result = await restore(null);
    }
    const { safetyBackup, remarks } = result;
    const { readPosition } = await import("../../backup/position.ts");
    const { dropListener, listenerWords, readListeners } = await import("../../state/listeners.ts");
    const { position, isKnown, hanging } = await app.withRun("read", async (context) => ({
      position: await readPosition(context),
      // It came with the copy, or was hung on its tables again.
      hanging: (await readListeners(context.database)).map((each) =>
        `${listenerWords(each)}: no step runs beside it. Take it away: ${
          dropListener(context.database.dialect, each)
        }`
      ),
      // What the database itself has of a revision is no part of the history.
      isKnown: (id: string) =>
        context.history.revisions.some((each) => each.id === id && each.ledger === undefined),
    }), target);
    if (safetyBackup !== null) report.line(`what was there is kept in ${safetyBackup}`);
    report.line(`${report.colors.green("restored")}  ${target.display} is at ${positionText(position)}`);
    for (const each of lost.texts) report.note(`gone, too: ${each}`);
    for (const each of replacedKept.texts) report.note(`replaced, too: ${each}`);
    const { id, createdAt } = backup.manifest;
    report.line(`${" ".repeat(10)}from ${bare === null ? `${id}, made ${createdAt}` : path}`, 10);
    const said = positionText(backup.manifest);
    if (bare === null && said !== positionText(position)) report.note(`the backup's manifest says ${said}`);
    for (const line of hanging) report.note(line);
    const stranger = [position.unfinished, position.revision].find((id) => id !== null && !isKnown(id));
    if (stranger !== undefined) {
      report.note(
        `this history does not have ${stranger}: a newer release, or another branch, has to run on it. What leads back: harbor-db status`,
      );
    }
    const failure = safetyBackup === null ? null : await deliverSafety(app, options, safetyBackup);
    return {
      json: {
        restored: {
          path,
          createdAt: bare === null ? createdAt : null,
          ...position,
          database: target.display,
          hasManifest: bare === null,
        },
        safetyBackup,
        remarks,
        kept: (await keptIn(app, target)).found?.map(keptJson) ?? null,
        replacedKept: replacedKept.found?.map(keptJson) ?? null,
        goes: lost.found?.map(lostJson) ?? null,
      },
      ...failure === null ? {} : { failure },
    };
  },
});

function keptText(kept: Kept): string {
  return `kept data of ${whatText(kept)}, ${amountText([kept])}, put aside by the ${stepText(kept)}`;
}

/** What was seen of one kind of thing in a database. */
interface Seen<T> {
  /** `null` where it could not be looked at. */
  readonly found: readonly T[] | null;
  /** The same for people, and why it could not be looked at. */
  readonly texts: readonly string[];
}

/** Looks for what is kept in a database. */
function keptIn(app: App, target: DatabaseUrl): Promise<Seen<Kept>> {
  return lookIn(app, target, {
    what: "kept data",
    read: async ({ database }) => readCounted(database, await readKept(database)),
    textOf: keptText,
  });
}

/** Looks for tables of schemas of which a backup holds nothing. */
async function lostIn(app: App, target: DatabaseUrl, { manifest }: StoredBackup): Promise<Seen<LostTable>> {
  if (!hasSchemas[target.dialect]) return { found: [], texts: [] };
  return await lookIn(app, target, {
    what: "tables of schemas of which the backup holds nothing",
    read: (context) => findLostTables(context, manifest),
    textOf: lostText,
  });
}

/** Looks for something in a database, of which one that is damaged may not let it see anything. */
async function lookIn<T>(
  app: App,
  target: DatabaseUrl,
  { what, read, textOf }: {
    readonly what: string;
    readonly read: (context: RunContext) => Promise<readonly T[]>;
    readonly textOf: (each: T) => string;
  },
): Promise<Seen<T>> {
  if (app.isAbsent(target)) return { found: [], texts: [] };
  try {
    const found = await app.withRun("read", read, target);
    return { found, texts: found.map(textOf) };
  } catch (error) {
    if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
    const why = messageOf(error);
    return { found: null, texts: [`${what}, if there is any, which could not be looked at: ${why}`] };
  }
}

/** Looks at a file that has no manifest; one whose manifest cannot be trusted is not looked at. */
async function orBare(error: unknown, backups: Backups, path: string): Promise<BareBackup> {
  const isMissing = error instanceof HarborError && error.code === "damaged_backup" &&
    error.details.isMissing;
  if (!isMissing || !isRegularFile(path)) throw error;
  return await backups.lookAtBare(path);
}

/** Says what was seen of a copy without a manifest, and what nobody can see. */
function bareWords({ path, kind, manifest }: BareBackup): readonly string[] {
  const tables = applicationTables(manifest).map(({ name, rows }) => `${name} (${counted(rows, "row")})`);
  return [
    `${path} has no manifest. Seen: ${kind}, ${proofText(manifest)} just now: ${
      tables.join(", ") || "no tables"
    }`,
    `not known: of which database it is, when it was made (the file is of ${manifest.createdAt}), and whether it is all that was copied`,
  ];
}

/** Brings elsewhere what was replaced, once it is: whoever restores does not wait for that. What was only set aside stays. */
async function deliverSafety(
  app: App,
  options: Values<typeof deliveryOptions>,
  path: string,
): Promise<HarborError | null> {
  if (options.afterBackup === undefined && options.copyTo === undefined) return null;
  const { isBackup, readBackup } = await import("../../backup/store/folder.ts");
  return isBackup(path) ? await deliver(app, options, { ...readBackup(path), isReused: false }) : null;
}

interface Replacement {
  readonly target: DatabaseUrl;
  readonly backup: StoredBackup;
  /** The same, where it has no manifest. */
  readonly bare: BareBackup | null;
  readonly noBackup: boolean;
  /** What is kept in the database now. */
  readonly replacedKept: Seen<Kept>;
  /** The tables that go without being replaced. */
  readonly lost: Seen<LostTable>;
}

/**
 * Asks whether what is in a database may go, and whether a copy of which nobody knows anything may come. Where nothing is
 * there, of one with a manifest nobody is asked.
 *
 * @throws {HarborError} `needs_confirmation`
 */
async function ask(
  app: App,
  { target, backup, bare, noBackup, replacedKept, lost }: Replacement,
): Promise<void> {
  const there = app.isAbsent(target) ? null : await contentsOf(app, target);
  if (there === null && bare === null) return;
  const { manifest } = backup;
  const tables = applicationTables(manifest);
  const rows = counted(tables.reduce((sum, table) => sum + table.rows, 0), "row");
  const held = `${rows} in ${counted(tables.length, "table")}`;
  const what = bare === null
    ? `${manifest.id} (at ${positionText(manifest)}, ${held})`
    : `${manifest.file}, which has no manifest (${bare.kind}, ${held})`;
  const text = there === null
    ? `Restore ${what} as ${target.display}, where nothing is?`
    : `Replace ${target.display} (${there}) with ${what}? ${
      noBackup ? "What is there is lost." : "What is there is backed up first."
    }`;
  const facts = [...lost.texts, ...replacedKept.texts].map((each) => ["goes", each] as const);
  await app.confirm(facts.length === 0 ? text : () => Promise.resolve({ facts, text }));
}

/** Returns what a copy holds but for the tables that keep account, of which nobody asks. */
function applicationTables({ tables }: StoredBackup["manifest"]) {
  return tables.filter(({ name }) => !isOwnTable(name) && name !== "alembic_version");
}

/** Says what is in a database; `null` when nothing is. */
async function contentsOf(app: App, target: DatabaseUrl): Promise<string | null> {
  const { describeContents } = await import("./contents.ts");
  try {
    return await app.withRun("read", describeContents, target);
  } catch (error) {
    if (!(error instanceof HarborError) || error.code !== "not_a_database") throw error;
    return "it cannot be read as a database";
  }
}
