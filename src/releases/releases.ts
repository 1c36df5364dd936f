import * as v from "valibot";
import { HarborError } from "../base/errors.ts";
import { listOf, parseJson, readAs, recordOf } from "../base/json_schema.ts";

/** The file beside a history that says what the releases of the application need of the schema. */
export const releasesPath = "releases.json";

const columns = v.optional(listOf(v.string()));

const file = v.strictObject({
  releases: v.pipe(
    v.array(v.strictObject({
      name: v.pipe(v.string(), v.nonEmpty("is empty")),
      tables: recordOf(v.strictObject({ select: columns, update: columns, insert: columns })),
    })),
    v.readonly(),
  ),
});

/** A release of the application, with the columns that its statements name in each table. */
export type Release = v.InferOutput<typeof file>["releases"][number];

/** What a release does with a table: the columns that it reads, sets in rows that exist, and gives to new rows. */
export type TableUse = Release["tables"][string];

/**
 * Reads the releases of a project, in the order of its file.
 *
 * @param path As it is shown
 * @throws {HarborError} `bad_config` for what is no such file, or names a release twice
 */
export function readReleases(text: string, path: string = releasesPath): readonly Release[] {
  const wrong = (field: string, state: string) =>
    new HarborError("bad_config", `Cannot read "${path}"`, {
      state: `${field === "" ? "it" : field} ${state}`,
      hint: "See all that is wrong with it: harbor-db check",
      details: { path },
    });
  const { releases } = readAs(file, parseJson(text, wrong), wrong);
  const names = releases.map(({ name }) => name);
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twice >= 0) throw wrong(`releases.${twice}.name`, `stands twice: "${names[twice]}"`);
  return releases;
}

/** Returns every column that a release needs of a table. */
export function columnsOf({ select = [], update = [], insert = [] }: TableUse): readonly string[] {
  return [...new Set([...select, ...update, ...insert])];
}
