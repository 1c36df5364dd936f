import type { Found } from "../base/finding.ts";
import type { OtherObject } from "../schema/snapshot.ts";
import type { Database } from "./database.ts";

/** One look at the engine's own health. */
export interface Probe {
  /** `quick_check`, `invalid_indexes` … */
  readonly name: string;
  /**
   * Looks, in slices where the engine can.
   *
   * @throws what `pace` throws, and {@link HarborError} when it cannot look
   */
  run(database: Database, pace: SliceTurns): Promise<Found>;
}

/** How work is cut into slices. */
export interface SliceTurns {
  /** Called before each slice: gives others their turn, and throws when the time is up. */
  next(): Promise<void>;
}

/**
 * Knows what only the engine knows of its own health, in SQL that reads and nothing else: the third, smallest waist
 * beside `Database`. One file an engine.
 */
export interface Inspector {
  /**
   * Returns the probes, the quickest first. `quick` leaves out those that look at every row. `left` are the constraints of
   * which the history itself leaves open whether rows keep them, which is no damage.
   */
  probes(options: {
    readonly quick: boolean;
    readonly left?: readonly LeftConstraint[];
  }): readonly Probe[];
  /** Returns what the engine itself finds damaged, in its own words; nothing where it cannot be asked. */
  damage(database: Database, look?: DamageLook): Promise<readonly string[]>;
  /** Returns what tables have that no snapshot says and that changes what becomes of their rows; nothing where there is no such thing. */
  tableSettings(database: Database): Promise<readonly FoundSetting[]>;
  /** Returns what tables and views have that no snapshot has a place for, and so nobody compares. */
  unsaid(database: Database): Promise<readonly UnsaidPart[]>;
  /** Returns the constraints that are there and that nothing enforces because triggers are disabled, each in words. */
  unenforced(database: Database): Promise<readonly string[]>;
  /** Returns the names of the event triggers of the database, which no schema has; nothing where there is no such thing. */
  eventTriggers(database: Database): Promise<readonly string[]>;
  /** Returns what hangs on indexes and constraints and is not in a snapshot; nothing where nothing of that kind can be lost. */
  attachments(database: Database): Promise<readonly Attachment[]>;
  /** Returns how many bytes each table takes with its indexes; none where the engine does not tell. */
  tableSizes(database: Database): Promise<ReadonlyMap<string, number>>;
  /** Returns the databases on the server into which copies were restored by what ended without dropping them; none where a copy is a file. */
  leftCopies(database: Database): Promise<readonly LeftCopy[]>;
  /** Returns the names of the tables of kept data that are there, whatever the registry says of them. */
  sideTables(database: Database): Promise<readonly string[]>;
}

/** A copy that lies on the server still. */
export interface LeftCopy {
  readonly name: string;
  /** `null` where this role may not ask for it. */
  readonly bytes: number | null;
}

/**
 * `whole`: all that the engine can find, which is the rule · `pages`: what a change of anything could make worse, which takes a tenth of the
 * time. It leaves out whether indexes hold what their rows do.
 */
export type DamageLook = "whole" | "pages";

/** A constraint as the scripts of a history leave it. */
export interface LeftConstraint {
  readonly table: string;
  /** `null` for one that they do not name, but PostgreSQL. */
  readonly name: string | null;
  readonly is: "NOT VALID" | "NOT ENFORCED";
}

const namedByServer = /_(?:check|fkey)[0-9]*$/;

/** Whether scripts leave a constraint as it is. */
export function isLeft(
  left: readonly LeftConstraint[],
  found: { readonly table: string; readonly name: string },
  as: LeftConstraint["is"],
): boolean {
  return left.some(({ table, name, is }) =>
    is === as && table === found.table &&
    (name === null ? namedByServer.test(found.name) : name === found.name)
  );
}

/** What a table has: rows are hidden from others than its owner, or are gone after a crash of the server. */
export interface TableSetting {
  readonly table: string;
  readonly setting: "row-level security" | "forced row-level security" | "unlogged";
}

/** Something of a table, or a view, that no snapshot has a place for. */
export interface UnsaidPart {
  readonly table: string;
  /** In words: `files_collection_id_fkey DEFERRABLE`. */
  readonly words: string;
  /** Left out where no row is lost, hidden or wrong by it without an error. */
  readonly harm?: SilentHarm;
}

export interface SilentHarm {
  /** As a sentence that follows the table's name. */
  readonly state: string;
  readonly remedy: string;
  /** What a statement says, in lower case, that means it so; of a trigger, when scripts have it fire that mean it so. */
  readonly meant: readonly string[] | TriggerFires;
  /** What it is about, if not the table: what no script makes is somebody else's. */
  readonly of?: Pick<OtherObject, "kind" | "name">;
}

/** When a trigger fires that does not wherever rows are written. */
export interface TriggerFires {
  readonly trigger: string;
  readonly fires: "never" | "in a replica";
}

/** {@link TableSetting} as it was found. */
export interface FoundSetting extends TableSetting {
  /** Whether somebody said who sees which rows. */
  readonly hasPolicy: boolean;
}

/** A change that the connected user may not make. */
export interface MissingRights {
  /** As the end of a sentence. */
  readonly state: string;
  readonly remedy: string;
}

/** What hangs on an index or a constraint. */
export interface Attachment {
  readonly table: string;
  /** The index's or the constraint's. */
  readonly name: string;
  /** What it is, for people: `the comment of index ix_files_uuid`. */
  readonly what: string;
  /** Whose it can become: any successor's; only that of a unique index of columns that are never NULL; or nobody's. */
  readonly heir: "any" | "identifying" | "none";
  /** What fails without it and until when, as a sentence; `null` when nothing does. */
  readonly consequence: string | null;
}
