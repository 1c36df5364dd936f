import { Buffer } from "node:buffer";
import { quoteName } from "../../../sql/quote.ts";
import {
  identityIn,
  isStandingTable,
  standingOf,
  standingQueries,
  type StandingRow,
  type standingTables,
} from "../../backup_content.ts";
import type { ProvenCopy } from "../../backup_engine.ts";
import type { Session } from "../session.ts";
import { query } from "./session.ts";
import { listTables } from "./tables.ts";

/** Reads where a copy that was restored aside stands and whose it is by its own tables, where it has them. */
export async function readStanding(
  session: Session,
  home: string,
): Promise<Pick<ProvenCopy, "standing" | "identity">> {
  const [revisions, parents] = standingQueries((name) => `${quoteName(home)}.${quoteName(name)}`);
  const tables = await listTables(session, [home]);
  const isThere = (name: keyof typeof standingTables) =>
    tables.some((each) => each.name === name && isStandingTable(name, each.columns));
  const hasIdentity = tables.some((each) =>
    each.name === "harbor_identity" && each.columns.includes("identity")
  );
  const found = hasIdentity
    ? await query<{ identity: unknown }>(session, `SELECT identity FROM ${quoteName(home)}.harbor_identity`)
    : [];
  const identity = identityIn(found.map((row) => row.identity));
  if (!isThere("harbor_version")) return identity === null ? {} : { identity };
  const rows = async (text: string) => await query<StandingRow>(session, text);
  return {
    identity,
    standing: standingOf(
      await rows(revisions),
      isThere("harbor_ledger") ? await rows(parents) : [],
    ),
  };
}

/** Gathers the same out of the rows of a copy that is read back. */
export interface StandingReader {
  /** Passes on a table's rows. */
  of(
    table: { readonly name: string; readonly columns: readonly string[] },
    rows: AsyncIterable<Uint8Array>,
  ): AsyncIterable<Uint8Array>;
  standing(): Pick<ProvenCopy, "standing" | "identity">;
}

function isRead({ name, columns }: { readonly name: string; readonly columns: readonly string[] }): boolean {
  if (name === "harbor_identity") return columns.includes("identity");
  return (name === "harbor_version" || name === "harbor_ledger") && isStandingTable(name, columns);
}

/** Begins to gather. */
export function openStandingReader(): StandingReader {
  const found = new Map<string, readonly ReadonlyMap<string, string>[]>();
  return {
    of: (table, rows) => isRead(table) ? gather(table, rows) : rows,
    standing() {
      const version = found.get("harbor_version");
      const identity = identityIn((found.get("harbor_identity") ?? []).map((row) => row.get("identity")));
      if (version === undefined) return identity === null ? {} : { identity };
      const revisions = version.map((row) => {
        const isOpen = row.get("finished_at") === "\\N";
        const isDone = !isOpen || row.get("direction") === "downgrade";
        return { name: row.get("revision"), done: Number(isDone), open: Number(isOpen) };
      });
      const done = revisions.filter((row) => row.done === 1).map(({ name }) => name);
      const parents = (found.get("harbor_ledger") ?? [])
        .filter((row) => row.get("parent") !== "\\N" && done.includes(row.get("revision")))
        .map((row) => ({ name: row.get("parent"), done: 1, open: 0 }));
      return { identity, standing: standingOf(revisions, parents) };
    },
  };

  async function* gather(
    { name, columns }: Parameters<StandingReader["of"]>[0],
    rows: AsyncIterable<Uint8Array>,
  ) {
    const pieces: Uint8Array[] = [];
    for await (const piece of rows) {
      pieces.push(Uint8Array.from(piece));
      yield piece;
    }
    // A value's own tabs and line ends are escaped.
    const lines = Buffer.concat(pieces).toString().split("\n").filter((line) => line !== "");
    found.set(
      name,
      lines.map((line) => new Map(line.split("\t").map((value, place) => [columns[place] ?? "", value]))),
    );
  }
}
