import { once } from "../base/once_for.ts";
import { HarborError } from "../base/errors.ts";
import { tokensOf } from "../sql/cursor.ts";
import { isDefaultSchema, nameIn } from "../sql/table_names.ts";
import type { RevisionFiles } from "./revision_name.ts";

/** Which schemas are the host's though snapshots name them, as where somebody exports the host's tables to refer to them. */
export interface HostSchemas {
  /** Whether a schema is: scripts make neither it nor anything in it, but for what `host.sql` makes, too. */
  has(schema: string): boolean;
  /** Returns what `host.sql` makes in schemas, as it is known everywhere but in SQL: `auth`, `auth.users`. */
  brought(): ReadonlySet<string>;
}

/** The files of a history, which are read when it is first asked. */
export interface HostSources {
  /** Of each revision in order; what squashed ones stand for is before them. */
  readonly revisions: readonly RevisionFiles[];
  /** Returns the text of such a file, `null` when there is none. */
  read(path: string): string | null;
  /** Returns the text of `host.sql`, `null` when there is none. */
  host(): string | null;
}

/** Returns the schemas of a history that are the host's. */
export function hostSchemas({ revisions, read, host }: HostSources): HostSchemas {
  const brought = once(() => new Set(madeIn(codeOf(host() ?? "")).map(({ name }) => name)));
  const made = once(() => {
    const codes = revisions.map(([script]) => codeOf(read(script) ?? ""));
    const [first] = revisions;
    return [
      // A first one that makes nothing stands for a database that was there before it: a comment, as drizzle-kit's pull writes it, or SELECT 1.
      ...first !== undefined && !making().test(codes[0]!) ? schemasNamed(read(first[2]) ?? "") : [],
      ...codes.flatMap(madeIn),
      // Which ones code makes of names that it is given cannot be told, and any of these may be one.
      ...codes.some((code) => workedOut.test(code)) ? codes.flatMap(namesGiven) : [],
    ];
  });
  return {
    brought,
    has: (schema) => made().every((each) => each.schema !== schema || brought().has(each.name)),
  };
}

/** A schema, or something in it. */
interface Made {
  readonly schema: string;
  readonly name: string;
}

const name = String.raw`(?:"((?:[^"]|"")+)"|([\w$\u0080-\uffff]+))`;
const create = String.raw`\bcreate (?:(?:or replace|unlogged|materialized|foreign|recursive) )*`;
const kinds = "table|type|view|sequence|domain";
const making = once(() => new RegExp(`${create}(?:schema|${kinds}) `, "i"));
const things = once(() =>
  new RegExp(
    `${create}(?:${kinds}) ` + String.raw`(?:if not exists )?${name} \. ${name}`,
    "gi",
  )
);
const places = once(() =>
  new RegExp(
    String
      .raw`\b(?:create schema (?:if not exists )?(?:authorization )?|alter schema (?:"[^"]+"|\S+) rename to |set schema |` +
      String.raw`search_path (?:to|=) )${name}`,
    "gi",
  )
);

/** Where code puts the name of a schema into what it runs. */
const workedOut = /\bcreate schema (?:if not exists )?"?[%']/i;
const given = /['{,] ?([\w$\u0080-\uffff]+) ?(?=['},])/g;

/** Returns the names that are a text, or in a list of such. */
function namesGiven(code: string): readonly Made[] {
  return [...code.matchAll(given)].map(([, bare]) => itself(bare!));
}

/** Returns what code makes in schemas, also where it does so only when it is not there, or in a block. */
function madeIn(code: string): readonly Made[] {
  const inSchemas = [...code.matchAll(things())].map(([, ...names]) => {
    const schema = folded(names.slice(0, 2));
    return { schema, name: nameIn(schema, folded(names.slice(2))) };
  });
  return [...inSchemas, ...[...code.matchAll(places())].map(([, ...names]) => itself(folded(names)))];
}

function schemasNamed(snapshot: string): readonly Made[] {
  return [...snapshot.matchAll(/"schema"\s*:\s*"([^"]*)"/g)].map(([, schema]) => schema!)
    .filter((schema) => !isDefaultSchema(schema)).map(itself);
}

function itself(schema: string): Made {
  return { schema, name: schema };
}

/** Returns a name as PostgreSQL keeps it, of what stood in quotes or bare. */
function folded([quoted, bare = ""]: readonly (string | undefined)[]): string {
  return quoted?.replaceAll('""', '"') ?? bare.toLowerCase();
}

/** Returns a text without its comments, with one blank between all that it says. */
function codeOf(text: string): string {
  try {
    const parts = tokensOf(text, "postgresql").map(({ kind, text }) =>
      kind === "string" ? spaced(text) : text
    );
    return parts.join(" ");
  } catch (error) {
    // What does not end somewhere is refused where it is to run.
    if (error instanceof HarborError) return spaced(text);
    throw error;
  }
}

/** A block of code is a string, in which it may stand in any way. */
function spaced(text: string): string {
  return text.replaceAll(/\s*\.\s*/g, " . ").replaceAll(/\s+/g, " ");
}
