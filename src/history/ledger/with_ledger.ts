import type { JsonFile } from "../../base/json_schema.ts";
import { compareTexts } from "../../base/compare_texts.ts";
import { HarborError } from "../../base/errors.ts";
import { once } from "../../base/once_for.ts";
import { schemasOfHost } from "../../schema/host_part.ts";
import { readEnds } from "../../schema/kit_ends.ts";
import { readKitSnapshot } from "../../schema/kit_snapshot.ts";
import type { Applied } from "../applied.ts";
import type { History, Revision } from "../history.ts";
import { sha256 } from "../history.ts";
import { readChange } from "./change_text.ts";
import { applyDelta } from "./json_delta.ts";
import { damageOf, ledgerPlace, type LedgerRow } from "./ledger.ts";
import { isOnItsWayBack } from "./needs_ledger.ts";
import { refuseReach } from "../scripts/refuse_reach.ts";
import { revisionFiles } from "../revision_name.ts";
import { parseScript, type Script } from "../scripts/script.ts";

/**
 * Returns the history as a database goes through it: with the revisions that it has and the history does not, where its
 * ledger knows them, each behind its parent. What the history has itself is taken from there, but for a downgrade that is
 * half done: it goes on by the script with which it began.
 */
export function withLedger(
  history: History,
  applied: readonly Applied[],
  ledger: readonly LedgerRow[],
): History {
  const rows = new Map(ledger.map((row) => [row.revision, row]));
  const revisions = history.revisions.map((revision) => {
    const begun = applied.find((row) => row.revision === revision.id && isOnItsWayBack(row));
    const row = rows.get(revision.id);
    if (begun === undefined || row === undefined || row.downgrade === revision.downgradeText()) {
      return revision;
    }
    const { downgrade, downgradeText } = recordedWay(row, begun, history);
    return { ...revision, downgrade, downgradeText };
  });
  const known = new Set(revisions.map(({ id }) => id));
  let left = applied.filter(({ revision }) => !known.has(revision) && rows.has(revision))
    .toSorted((a, b) => compareTexts(a.startedAt, b.startedAt));
  const isApplied = new Set(applied.map(({ revision }) => revision));
  for (;;) {
    const places = left.map((each) =>
      placeOf(rows.get(each.revision)!, each, { history, revisions, applied })
    );
    // What a damaged row says of its parent counts for nothing: it comes last, so that no way back passes it by.
    const damagedOne = left.findIndex((each) => damageOf(rows.get(each.revision)!, each, history.dialect));
    const at = places.some((place) => place !== null)
      ? places.findIndex((place) => place !== null)
      : damagedOne;
    const next = left[at];
    if (next === undefined) return { ...history, revisions };
    const place = places[at] ?? revisions.findLastIndex(({ id }) => isApplied.has(id)) + 1;
    const parent = revisions[place - 1] ?? null;
    revisions.splice(place, 0, revisionOf(rows.get(next.revision)!, next, { history, parent }));
    left = left.filter((each) => each !== next);
  }
}

/** Returns how many revisions stand before the one of a row; `null` when that is not known, or not yet. */
function placeOf(row: LedgerRow, own: Applied, { history, revisions, applied }: {
  readonly history: Pick<History, "dialect">;
  readonly revisions: readonly Revision[];
  readonly applied: readonly Applied[];
}): number | null {
  if (damageOf(row, own, history.dialect) !== null) return null;
  if (row.parent === null) return 0;
  // The row is of when the parent was called so.
  const parent = applied.find(({ recordedAs }) => recordedAs === row.parent)?.revision ?? row.parent;
  const at = revisions.findIndex(({ id }) => id === parent);
  return at < 0 ? null : at + 1;
}

/** Where a revision of the ledger stands. */
interface Surroundings {
  readonly history: Pick<History, "dialect">;
  readonly parent: Revision | null;
}

/** Returns a revision of the ledger as one like any other, but that its upgrade script is there to be read alone: it is never run. */
function revisionOf(row: LedgerRow, applied: Applied, { history, parent }: Surroundings): Revision {
  const { revision: id, tag, createdAt, recordedAt, recordedBy } = row;
  const { name, checksum } = applied;
  const damage = damageOf(row, applied, history.dialect);
  const snapshot = () => readSchema(row, damage, parent);
  const unread = () =>
    new HarborError("missing_revision", `Cannot read the upgrade script of "${id}" (${name})`, {
      state: `this history does not have it, and ${ledgerPlace} does not carry it`,
      hint: `Use the release that has the revision: harbor-db ${recordedBy} recorded it.`,
      details: { revision: id },
    });
  const upgradeText = () => damage === null ? readChange(row.change, unread).upgrade : null;
  return {
    id,
    name,
    parent: parent?.id ?? null,
    tag,
    files: revisionFiles(tag),
    createdAt,
    checksum,
    rawChecksum: checksum,
    namesSchema: () => true,
    upgrade: once(() => {
      const text = upgradeText();
      if (text === null) throw unread();
      const script = parseScript({ file: `${ledgerPlace}:${tag}.sql`, dialect: history.dialect, text });
      return { ...script, isRecorded: true };
    }),
    upgradeText,
    ...recordedWay(row, applied, history),
    snapshot,
    ends: () => readEnds(snapshot()),
    ledger: { recordedAt, recordedBy, damage, hasDowngrade: row.downgrade !== null },
  };
}

/** Returns the way back that the ledger has. */
function recordedWay(
  row: LedgerRow,
  applied: Applied,
  { dialect }: Pick<History, "dialect">,
): Pick<Revision, "downgrade" | "downgradeText"> {
  const { tag, downgrade: text } = row;
  return {
    downgradeText: () => text,
    downgrade: (): Script | null => {
      const damage = damageOf(row, applied, dialect);
      if (damage !== null) throw damaged(applied, damage);
      if (text === null) return null;
      const script = parseScript({ file: `${ledgerPlace}:${tag}.down.sql`, dialect, text });
      refuseReach(script, dialect);
      // What its file was, nobody knows any more.
      return { ...script, isRecorded: true, ...text.includes("\uFFFD") ? { isGarbled: true } : {} };
    },
  };
}

function damaged({ revision, name, appliedBy }: Applied, damage: string): HarborError {
  return new HarborError("checksum_mismatch", `Cannot trust the way back past "${revision}" (${name})`, {
    state: `of its row in ${ledgerPlace}, ${damage}`,
    hint: [
      `Go back with the release that has the revision (harbor-db ${appliedBy} applied it); its upgrade writes the row anew.`,
      "Or restore a backup: harbor-db backup list",
    ],
    details: { revision, table: ledgerPlace },
  });
}

/**
 * Returns the snapshot that a row stands for.
 *
 * @throws {HarborError} `bad_history` when it says none, or says it of another parent than is here
 */
function readSchema(row: LedgerRow, damage: string | null, parent: Revision | null): JsonFile {
  const path = `${ledgerPlace}:${row.tag}`;
  const unknown = (state: string) =>
    new HarborError("bad_history", `Cannot read the schema of "${row.revision}" in ${ledgerPlace}`, {
      state,
      hint: "Use the release that has the revision.",
      details: { path, isMissing: true },
    });
  if (damage !== null) throw unknown(damage);
  const { base, delta } = readChange(row.change, (_, state) => unknown(`it ${state}`));
  if (delta === undefined) throw unknown("it was not recorded");
  const before = base === null ? null : parent?.snapshot().json ?? null;
  const isSame = base === null || base === sha256(JSON.stringify(before));
  if (!isSame) throw unknown(`it is said of another schema than that of ${parent?.id ?? "base"} here`);
  return {
    path,
    json: applyDelta(before, delta),
    ...parent === null ? {} : { isHost: knownHost(parent) },
  };
}

/**
 * Returns which schemas are the host's by what a revision says before. Of one that comes later only its upgrade script would say who
 * makes it, and nobody is to pass over a schema of the project's.
 */
function knownHost(parent: Revision): (schema: string) => boolean {
  const schemas = once(() => schemasOfHost(readKitSnapshot(parent.snapshot())));
  return (schema) => schemas().has(schema);
}
