import type { Dialect } from "../../base/dialect.ts";
import type { LeftConstraint } from "../../engines/inspector.ts";
import { loadInspector } from "../../engines/open/inspector.ts";
import { type Found, notCheckedOf, pass } from "../../base/finding.ts";
import { HarborError } from "../../base/errors.ts";
import { isTimeUp } from "./time_limit.ts";
import { leftOpen } from "../../state/rules/left_open.ts";
import { upgradeTexts } from "../../history/plain_texts.ts";
import { type Check, type CheckContext, couldNotCheck, failure } from "./check.ts";

/** What the engine itself knows of its health. */
export const integrityCheck: Check = {
  name: "integrity",
  summary:
    "pages are whole and indexes agree with their rows (SQLite: quick_check, index entries, foreign_key_check; PostgreSQL: invalid indexes, constraints that are not validated or not enforced, replica identities, sequences, checksum failures, amcheck)",
  cost:
    "reads everything once: about 4 s per million files, 0.5 s with --quick. A SQLite file without WAL takes no commit for those 0.5 s, then for 20 ms at a time",
  async *run(context) {
    const database = await context.database().catch((error: unknown) => {
      if (error instanceof HarborError && error.code === "not_a_database") return error;
      throw error;
    });
    if (database instanceof HarborError) return yield failure(database);
    const inspector = await loadInspector(database.dialect);
    const passed: Found[] = [];
    const probes = inspector.probes({ quick: context.quick, left: await leftByScripts(context) });
    const made = probes.map(({ name }) => name);
    const leftOut = inspector.probes({ quick: false }).map(({ name }) => name).filter((name) =>
      !made.includes(name)
    );
    for (const probe of probes) {
      await context.pace.next();
      const found = await probe.run(database, context.pace).catch(sayUnlessOver);
      if (found.status === "pass") passed.push(found);
      else yield { ...found, details: { probe: probe.name, ...found.details } };
    }
    // What is fine and what is not said of one probe each, is said of all in one.
    if (passed.length > 0) {
      const notChecked = [...leftOut, ...notCheckedOf(passed)];
      const details = Object.assign(
        {},
        ...passed.map((found) => found.details),
        notChecked.length === 0 ? {} : { notChecked },
      );
      yield pass(passed.map((found) => found.message).join(" · "), details);
    }
  },
};

/** Whether a constraint may hold for new rows alone, or for none. */
const hasLeft: Readonly<Record<Dialect, boolean>> = { sqlite: false, postgresql: true };

/** What the scripts of the applied revisions leave NOT VALID or NOT ENFORCED; nothing where they cannot be read, which other checks say. */
async function leftByScripts(context: CheckContext): Promise<readonly LeftConstraint[]> {
  try {
    const [history, state, live] = [await context.history(), await context.state(), await context.schema()];
    if (!hasLeft[live.dialect]) return [];
    const applied = new Set(state.applied.map(({ revision }) => revision));
    const done = history.revisions.filter(({ id }) => applied.has(id));
    return leftOpen(upgradeTexts(done, live));
  } catch (error) {
    if (error instanceof HarborError && !isTimeUp(error)) return [];
    throw error;
  }
}

/** Says that a probe could not be made, unless no other one can be made either. */
function sayUnlessOver(error: unknown): Found {
  const isOver = isTimeUp(error) || (error instanceof HarborError && error.code === "connection_failed");
  if (isOver) throw error;
  return couldNotCheck(error);
}
