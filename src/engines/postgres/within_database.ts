import { sql } from "drizzle-orm";
import { type ErrorDetails, HarborError } from "../../base/errors.ts";
import { readReach } from "../../sql/reach/server_reach.ts";
import type { Database } from "../database.ts";
import { UserStatement, userStatement } from "../statement_names.ts";
import { excerpt, textOf } from "./session/statement.ts";

/** Scripts that are tried on a database of their own, beside others of the server. */
export interface Tryout {
  readonly verb: "prove" | "rehearse";
  readonly noun: "proof" | "rehearsal";
  /** The database, in words. */
  readonly place: string;
  readonly remedy: {
    /** @param isNamed Whether code names the role that it may change, or works it out */
    ofRole(isNamed: boolean): string;
    readonly ofCode: string;
  };
  /** Takes what is not run, as sentences. */
  readonly notRun: Set<string>;
  /** Takes by what functions and relations are known that reach out of the database. */
  readonly reaching: Set<string>;
}

const asStatement = (noun: string) =>
  `Write it as a statement of its own, outside of code, which a ${noun} passes over.`;

/** Returns what is said of a proof. */
export function proofTryout(): Tryout {
  return {
    verb: "prove",
    noun: "proof",
    place: "the database of the proof",
    remedy: {
      ofRole: (isNamed) =>
        isNamed
          ? `${asStatement("proof")} Or name a server without the role: --prove-url postgresql://…`
          : "Name a server without roles of others: --prove-url postgresql://…",
      ofCode: `${
        asStatement("proof")
      } Where it has to be code: generate writes it with --write-unproven, and from its release on (check --baseline) later ones are proven from its snapshot.`,
    },
    notRun: new Set(),
    reaching: new Set(),
  };
}

/** Returns what is said of a rehearsal. */
export function rehearsalTryout(): Tryout {
  const without = `${asStatement("rehearsal")} Or run it without --rehearse and budgets.`;
  return {
    verb: "rehearse",
    noun: "rehearsal",
    place: "the copy",
    remedy: { ofRole: () => without, ofCode: without },
    notRun: new Set(),
    reaching: new Set(),
  };
}

/** What stands in each statement that may reach out, without a closer look. */
const maybe =
  /system|database|tablespace|parameter|subscription|foreign\s+(?:table|schema)|copy|dblink|pg_|lo_export|security\s+label/i;

/**
 * Returns a database as scripts get it that are tried: what would reach out of it is not run, which is noted. A function, view or foreign table that may is made,
 * and known from then on; code that may, and a trigger that rows may fire, are refused, since nobody can take that out of them.
 */
export function withinDatabase(database: Database, tryout: Tryout): Database {
  const { notRun, reaching, place } = tryout;
  return {
    ...database,
    write: async (batch, mode) =>
      await database.write(
        batch.map((statement, index) => {
          const text = statement instanceof UserStatement ? textOf(statement) : "";
          const reach = reaching.size > 0 || maybe.test(text) ? readReach(text, reaching) : null;
          if (reach === null) return statement;
          switch (reach.in) {
            case "function":
            case "relation":
              reaching.add(reach.name);
              return statement;
            case "statement":
              notRun.add(`${excerpt(text)} reaches out of ${place}: it was not run`);
              return userStatement(sql.raw("SELECT 1"));
            case "code":
            case "trigger":
              throw refusal(tryout, reach.by, { statement: text, index });
          }
        }),
        mode,
      ),
  };
}

function refusal({ verb, place, remedy }: Tryout, by: string, details: ErrorDetails): HarborError {
  return new HarborError("check_failed", `Cannot ${verb} the scripts while code in them may use ${by}`, {
    state: `that reaches out of ${place}`,
    hint: remedy.ofCode,
    details,
  });
}
