import { HarborError } from "../../base/errors.ts";
import type { RunContext } from "../../engines/run_context.ts";
import type { Revision } from "../../history/history.ts";
import { snapshotIfThere } from "../../history/revision_schema.ts";
import type { Snapshot } from "../../schema/snapshot.ts";
import { elementType } from "../../sql/postgres_spelling.ts";
import { isBuiltIn } from "../kept/rules/built_in_type.ts";
import type { Step } from "../rules/plan.ts";

/**
 * Refuses steps that give a column a type which is not there and which no statement of theirs makes, as one of an extension that nobody
 * installed: its statement would fail in the middle of the run. Reads only.
 *
 * @throws {HarborError} `schema_mismatch`
 */
export async function refuseMissingTypes(
  { database, history }: Pick<RunContext, "database" | "history">,
  { from, steps }: { readonly from: string | null; readonly steps: readonly Step[] },
): Promise<void> {
  const [first, last] = [steps[0], steps.at(-1)];
  if (database.missingTypes === undefined || first === undefined || last === undefined) return;
  const revisionAt = (id: string | null) => history.revisions.find((revision) => revision.id === id);
  const schemaAt = (revision: Revision | undefined) =>
    revision === undefined ? null : snapshotIfThere(revision);
  const after = schemaAt(last.direction === "upgrade" ? last.revision : revisionAt(last.revision.parent));
  if (after === null) return;
  const known = new Set(columnsOf(schemaAt(revisionAt(from))).map(({ type }) => type));
  const scripts = steps.map(({ revision, script }) => ({
    revision,
    text: script.statements.map(({ sql }) => sql).join("\n"),
  }));
  const texts = scripts.map(({ text }) => text);
  const wanted = columnsOf(after).flatMap(({ path, type }) => {
    const name = nameOf(type);
    const said = scripts.find(({ text }) => says(text, name));
    return isBuiltIn(type) || known.has(type) || said === undefined || texts.some((text) => makes(text, name))
      ? []
      : [{ path, type, name, revision: said.revision }];
  });
  if (wanted.length === 0) return;
  const missing = await database.missingTypes(wanted.map(({ type, name }) => ({ type: bare(type), name })));
  const found = wanted.find(({ type }) => missing.includes(bare(type)));
  if (found === undefined) return;
  const { path, type, name, revision } = found;
  const attempt = `Cannot ${first.direction} "${database.url}": on the way past ${revision.id}`;
  throw new HarborError(
    "schema_mismatch",
    `${attempt}, the column ${path} is to be ${type}, and the database has no such type`,
    {
      hint: [
        "Nothing was changed. Have it made in the database, or by a script before that:",
        `CREATE EXTENSION "${extensions[name] ?? name}"; (where an extension has it)`,
      ],
      details: { type, column: path, revision: revision.id },
    },
  );
}

/** The extensions whose types are not called as they are. */
const extensions: Readonly<Record<string, string>> = {
  geometry: "postgis",
  geography: "postgis",
  halfvec: "vector",
  sparsevec: "vector",
};

function columnsOf(schema: Snapshot | null): readonly { readonly path: string; readonly type: string }[] {
  return (schema?.tables ?? []).flatMap(({ name, columns }) =>
    columns.map((column) => ({ path: `${name}.${column.name}`, type: column.type }))
  );
}

/** A type without its length, and without being a list. */
function bare(type: string): string {
  return elementType(type).replace(/\([^()]*\)/, "");
}

/** The last word of a type's name, without quotes. */
function nameOf(type: string): string {
  const [, quoted, plain] = /(?:"((?:[^"]|"")+)"|([^".]+))$/.exec(bare(type)) ?? [];
  return quoted?.replaceAll('""', '"') ?? plain ?? type;
}

function says(text: string, name: string): boolean {
  return text.toLowerCase().includes(name.toLowerCase());
}

/** Whether a script may make a type: by its name, or with an extension. A block that makes one says so, too. */
function makes(text: string, name: string): boolean {
  if (/\bCREATE\s+EXTENSION\b/i.test(text)) return true;
  const made = text.matchAll(
    /\bCREATE\s+(?:TYPE|DOMAIN|TABLE|(?:MATERIALIZED\s+)?VIEW)\s+(?:IF\s+NOT\s+EXISTS\s+)?([^\s(;]+)/gi,
  );
  const renamed = text.matchAll(/\bRENAME\s+TO\s+([^\s(;]+)/gi);
  return [...made, ...renamed].some(([, said = ""]) => says(said, name)) || /\bSET\s+SCHEMA\b/i.test(text);
}
