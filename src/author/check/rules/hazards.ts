import type { Dialect } from "../../../base/dialect.ts";
import { ways } from "../../../history/scripts/statement.ts";
import {
  emptied,
  isFilled,
  locking,
  newlyRequired,
  type OperationPlace,
  rewriting,
  takenAway,
} from "./hazard_conditions.ts";
import { droppedOther, droppedWith } from "./dropped_others.ts";
import { wasUnique } from "./was_unique.ts";
import type { Operation } from "../../../sql/operations/operation.ts";
import type { Snapshot } from "../../../schema/snapshot.ts";
import { hostTable } from "../../../sql/table_names.ts";
import { repeatableCondition } from "../../../sql/repeatable_update.ts";

/** A way in which a correct script hurts those who use the database. */
export interface Hazard {
  /** As `-- harbor:allow` names it. */
  readonly id: string;
  /** `fail`: there is a better way, or somebody has to say that it is meant. `warn`: there is none, but know it. */
  readonly severity: Readonly<Record<Dialect, "fail" | "warn" | "none">>;
  /** What to do instead. */
  readonly remedy: Readonly<Record<Dialect, string>>;
  /** Says what is dangerous about an operation; `null` when nothing is. */
  judge(operation: Operation, place: OperationPlace): string | null;
}

const everywhere = (remedy: string) => ({ sqlite: remedy, postgresql: remedy });
const both = (severity: "fail" | "warn") => ({ sqlite: severity, postgresql: severity });
const postgres = (severity: "fail" | "warn") => ({ sqlite: "none", postgresql: severity }) as const;

/** Whether tables refer to one in a schema that is the host's: then there is no other way to name it. */
function refersTo(schema: string, { tables }: Snapshot): boolean {
  return tables.some(({ foreignKeys }) =>
    foreignKeys.some(({ table }) => hostTable(table)?.schema === schema)
  );
}

/** All hazards. Each has its section in docs/hazards.md. */
export const hazards: readonly Hazard[] = [
  {
    id: "table_rewrite",
    severity: { sqlite: "warn", postgresql: "fail" },
    remedy: {
      sqlite: "Upgrade when little is written, if upgrade --dry-run says that the table is copied.",
      postgresql:
        "Add a new column, fill it in batches (harbor:backfill), and let the application change over to it.",
    },
    judge: (operation, place) => {
      if (operation.kind === "rebuild table") {
        return `copies ${operation.table}, and nobody writes to the database meanwhile`;
      }
      const what = rewriting(operation, place);
      return what === null
        ? null
        : `${what}, which writes the whole table anew while nobody can read or write it`;
    },
  },
  {
    id: "long_lock",
    severity: postgres("fail"),
    remedy: everywhere("Add it NOT VALID, and validate it in a statement of its own (harbor:alone)."),
    judge: locking,
  },
  {
    id: "blocking_index",
    severity: postgres("fail"),
    remedy: everywhere('Put "-- harbor:concurrently" above it.'),
    judge: (operation, place) =>
      operation.kind === "create index" && !operation.isConcurrent && isFilled(operation.table, place)
        ? `builds ${operation.index} while nobody can write to ${operation.table}`
        : null,
  },
  {
    id: "constraint_without_not_valid",
    severity: postgres("fail"),
    remedy: everywhere("Add NOT VALID, and validate it in a statement of its own (harbor:alone)."),
    judge: (operation, place) =>
      operation.kind === "add constraint" && !operation.isNotValid && isFilled(operation.table, place) &&
        (operation.constraint === "check" || operation.constraint === "foreign key")
        ? `looks at every row of ${operation.table} while nobody can write to it`
        : null,
  },
  {
    id: "drop_in_use",
    severity: both("fail"),
    remedy: everywhere(
      "Let the application stop using it first; then accept this with harbor:allow and say so.",
    ),
    judge: (operation, place) => {
      const gone = operation.kind === "drop other"
        ? droppedOther(operation, place)
        : takenAway(operation, place);
      return gone === null ? null : `${gone}, which the running application may still read`;
    },
  },
  {
    id: "required_column",
    severity: both("fail"),
    remedy: everywhere("Give the column a default, or let the application write it first."),
    judge: (operation, place) => {
      const columns = newlyRequired(operation, place);
      return columns.length === 0
        ? null
        : `makes ${
          columns.join(", ")
        } NOT NULL without a default: what the running application inserts may fail`;
    },
  },
  {
    id: "backfill_without_directive",
    severity: both("fail"),
    remedy: everywhere("Put the directive above it: -- harbor:backfill table=… key=…"),
    judge: (operation, place) =>
      operation.kind === "update" && !ways[place.statement.statement.run.kind].isInBatches &&
        isFilled(operation.table, place)
        ? `changes rows of ${operation.table} in one transaction, which holds them until its end`
        : null,
  },
  {
    id: "rows_behind",
    severity: both("warn"),
    remedy: everywhere(
      "Give it a condition that the change ends, or let the application write such rows first.",
    ),
    judge: (operation, place) => {
      const { run } = place.statement.statement;
      return operation.kind === "update" && run.kind === "backfill" && isFilled(operation.table, place) &&
          repeatableCondition(run, place.dialect) === null
        ? `changes each row of ${operation.table} once, and leaves those that are written behind its batches`
        : null;
    },
  },
  {
    id: "delete_without_directive",
    severity: both("warn"),
    remedy: everywhere("Put the directive above it: -- harbor:batches table=… key=…"),
    judge: (operation, place) =>
      operation.kind === "delete" && !ways[place.statement.statement.run.kind].isInBatches &&
        isFilled(operation.table, place)
        ? `deletes rows of ${operation.table} in one transaction, which holds them until its end`
        : null,
  },
  {
    id: "unnamed_drop",
    severity: both("fail"),
    remedy: everywhere('Say it in the name ("Drop …", "Delete …"), so that nobody runs it unawares.'),
    judge: (operation, place) => {
      const gone = operation.kind === "drop other"
        ? droppedWith(operation, place)
        : takenAway(operation, place, false) ?? emptied(operation);
      const isNamed = /\b(?:drop|delet|remov|purg|clean|clear|truncat|prun|forget)/i.test(place.name);
      return gone === null || isNamed ? null : `${gone}, and the revision's name does not say so`;
    },
  },
  {
    id: "needs_alone",
    severity: both("fail"),
    remedy: everywhere('Put "-- harbor:alone" above it.'),
    judge: (operation, { statement, version }) => {
      const what = operation.kind === "not in a transaction"
        ? operation.what
        : operation.kind === "add enum value" && version < 12
        ? "ALTER TYPE … ADD VALUE"
        : null;
      // What drizzle-kit writes around a rebuild: harbor-db has foreign keys off then, and checks them at its end.
      if (what === "PRAGMA foreign_keys") return null;
      if (what === null || !ways[statement.statement.run.kind].isInTransaction) return null;
      return what.startsWith("PRAGMA")
        ? `${what} may do nothing inside a transaction`
        : `${what} cannot run inside a transaction`;
    },
  },
  {
    id: "duplicates",
    severity: both("warn"),
    remedy: everywhere("Look for duplicates in a copy of the real data before."),
    judge: (operation, place) => {
      const isIndex = operation.kind === "create index" && operation.isUnique;
      const isConstraint = operation.kind === "add constraint" && operation.constraint === "unique" &&
        !operation.usesIndex;
      if (!(isIndex || isConstraint) || !isFilled(operation.table, place)) return null;
      const name = operation.kind === "create index" ? operation.index : operation.name;
      if (wasUnique(operation.table, name, place)) return null;
      return `makes ${name}, which fails when ${operation.table} has duplicates`;
    },
  },
  {
    id: "fixed_schema",
    severity: postgres("warn"),
    remedy: everywhere("Leave the schema out: the connection's search_path says it."),
    judge: (operation, { after }) =>
      operation.kind === "names schema" && !refersTo(operation.schema, after)
        ? `names the schema "${operation.schema}", which is another one on some server`
        : null,
  },
  {
    id: "hidden",
    severity: both("warn"),
    remedy: everywhere("Write plain statements, or accept it with harbor:allow."),
    judge: (operation) =>
      operation.kind === "hidden" ? `what it does is hidden in ${operation.what} and was not judged` : null,
  },
];
