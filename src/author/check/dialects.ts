import type { Dialect } from "../../base/dialect.ts";
import { compareDialects } from "./rules/compare_dialects.ts";
import { type BothSchemas, compareSchemas } from "./rules/compare_schemas.ts";
import type { ProjectFinding } from "../rules/folder/finding.ts";
import type { History, Revision } from "../../history/history.ts";
import { snapshotOf } from "../../history/revision_schema.ts";
import { fileOf, found, orNull, type ReadScripts } from "../project/read_scripts.ts";

/** Compares what the dialects' scripts do, revision by revision. */
export function checkDialects(
  histories: readonly History[],
  read: ReadonlyMap<Dialect, ReadScripts>,
): readonly ProjectFinding[] {
  const [first, second] = histories;
  if (first === undefined || second === undefined) return [];
  const lists = [first, second].map(({ revisions }) => revisions.map(({ id }) => id).join(", "));
  if (lists[0] !== lists[1]) {
    const state = `${first.dialect} has ${lists[0] || "none"} and ${second.dialect} has ${
      lists[1] || "none"
    }`;
    return [
      found(
        "dialects",
        { message: `the dialects do not have the same revisions: ${state}` },
        "harbor-db rebase",
      ),
    ];
  }
  const known = new Set<string>();
  return first.revisions.flatMap((revision, index) => {
    const twin = second.revisions[index]!;
    const pair = [revision, twin] as const;
    const findings = revision.tag === twin.tag ? [] : [
      found("dialects", {
        message:
          `revision ${revision.id} is called ${revision.tag} on ${first.dialect} and ${twin.tag} on ${second.dialect}`,
        details: { revision: revision.id },
      }, "Give its files and journal entries of both dialects the same name."),
    ];
    const scripts = [first, second].map(({ dialect }) => read.get(dialect)?.get(revision.id));
    if (scripts[0] === undefined || scripts[1] === undefined) return findings;
    const differences = compareDialects([scripts[0], scripts[1]]).map(({ what, side, line }) => {
      const { dialect } = [first, second][side]!;
      const other = [second, first][side]!.dialect;
      const file = fileOf(pair[side]);
      return found("dialects", {
        message: `${file}:${line}: ${what}, and the script for ${other} does not`,
        details: { dialect, revision: revision.id, file, line },
      }, `Do the same in ${fileOf(pair[1 - side]!)}.`);
    });
    return [...findings, ...differences, ...leftByBoth(pair, known, differences)];
  });
}

/**
 * Compares what both scripts leave. What the scripts themselves tell, or an earlier revision, is not said again.
 *
 * @param known What the revisions before it leave otherwise
 */
function leftByBoth(
  pair: readonly [Revision, Revision],
  known: Set<string>,
  told: readonly ProjectFinding[],
): readonly ProjectFinding[] {
  const schemas = orNull(() => pair.map(snapshotOf));
  if (schemas === null) return [];
  const both = Object.fromEntries(schemas.map((schema) => [schema.dialect, schema])) as BothSchemas;
  return compareSchemas(both).flatMap((difference) => {
    const [, subject = difference] = /^((?:table|column|index) [^ ]+) is on /.exec(difference) ?? [];
    const isTold = told.some(({ message }) => message.includes(` ${subject},`));
    if (known.has(difference) || isTold) return [];
    known.add(difference);
    const [{ id }] = pair;
    return [
      found("dialects", {
        message: `revision ${id} does not leave the same on both dialects: ${difference}`,
        details: { revision: id },
      }, "Say the same in the script and the snapshot of both; or in schema.ts: harbor-db generate NAME"),
    ];
  });
}
