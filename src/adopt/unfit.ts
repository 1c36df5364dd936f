import { HarborError } from "../base/errors.ts";
import { isSameName } from "../base/fold_name.ts";
import type { RunContext } from "../engines/run_context.ts";
import type { Obstacle } from "../migrate/preflight/rules/obstacle.ts";
import type { Snapshot } from "../schema/snapshot.ts";
import { quoteName } from "../sql/quote.ts";
import { shareRemedy } from "../state/read_unmanaged.ts";
import { ownTables } from "../state/rules/match_revision.ts";
import { describeLabels, headSchema, type Inspection } from "./inspect.ts";
import { obstaclesOf } from "./rules/bridge_obstacles.ts";

/**
 * Returns the error for a database that cannot be taken over as it is; `null` when nothing speaks against it.
 *
 * @param copied The tables that a bridge copies
 */
export function unfitError(
  context: RunContext,
  inspection: Inspection,
  copied: readonly string[] = [],
  target: Snapshot = headSchema(inspection.schemas, inspection.live),
): HarborError | null {
  const { live, schemas, labels, kept, applied } = inspection;
  const { url } = context.database;
  const unfinished = applied?.find((row) => row.finishedAt === null);
  if (unfinished !== undefined) {
    return new HarborError(
      "unfinished",
      `Cannot adopt "${url}": the ${unfinished.direction} of ${unfinished.revision} (${unfinished.name}) stopped half way`,
      {
        hint: unfinished.direction === "upgrade"
          ? `harbor-db upgrade ${unfinished.revision}`
          : "harbor-db downgrade -1",
        details: { revision: unfinished.revision },
      },
    );
  }
  const origins = new Map(
    schemas.toReversed().flatMap(({ snapshot }) => snapshot.tables.map((table) => [table.name, table])),
  );
  const obstacles = [
    ...misplaced(inspection),
    ...obstaclesOf({ live, target, origins, labels, kept, copied }),
  ];
  return obstacleError(url, obstacles, labels);
}

/** What shows that the application's tables are not those that are looked at. */
export function misplaced(inspection: Inspection): readonly Obstacle[] {
  const { live, elsewhere } = inspection;
  return [
    ...strangers(inspection),
    ...elsewhere.filter((name) => !live.others.some((other) => other.name === name)).map((name) =>
      notHere(name, live)
    ),
  ];
}

/** A name that can be read, though there is no such table. */
function notHere(name: string, { tables, dialect }: Inspection["live"]): Obstacle {
  const other = tables.find((table) => isSameName(dialect, table.name, name));
  return other === undefined
    ? {
      path: `table ${name}`,
      state:
        `${name} is not in the first schema of the search path, where the application would make it, but in a later one`,
      remedy: `Put the schema that has it first, in the database URL: ?options=-csearch_path%3Dpublic`,
    }
    : {
      path: `table ${name}`,
      state: `the table ${name} is called ${other.name}`,
      remedy: `Give it its name: ALTER TABLE ${
        quoteName(other.name)
      } RENAME TO "${name}_"; ALTER TABLE "${name}_" RENAME TO "${name}";`,
    };
}

/** None of our tables among those that are there. */
function strangers({ live, schemas, elsewhere }: Inspection): readonly Obstacle[] {
  if (elsewhere.length > 0 || ownTables(schemas, live).tables.length > 0 || live.tables.length === 0) {
    return [];
  }
  const names = live.tables.map(({ name }) => name);
  return [{
    path: `table ${names[0]}`,
    state: `it has the tables ${names.join(", ")} and none of the application's: it is another program's`,
    remedy: shareRemedy,
  }];
}

/** Returns the error that names obstacles, with the remedy for each; `null` without any. */
export function obstacleError(
  url: string,
  obstacles: readonly Obstacle[],
  labels: Inspection["labels"],
): HarborError | null {
  const [first] = obstacles;
  if (first === undefined) return null;
  return new HarborError(
    "unmanaged",
    `Cannot adopt "${url}": ${obstacles.map(({ state }) => state).join("; ")}`,
    {
      hint: obstacles.length === 1
        ? first.remedy
        : [...new Set(obstacles.map(({ remedy }) => remedy))].join(" "),
      details: { obstacles, labels: describeLabels(labels) },
    },
  );
}
