import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Schemas } from "../tables.ts";
import { isWord, nameOf, tokenize } from "../../../../sql/lexer.ts";
import { copyStart, damagedCopy, readScript, type ScriptStatement, statementsIn } from "../script.ts";
import type { PgDump } from "./find_program.ts";
import { readOutput, runProgram } from "./program.ts";

/** An archive of pg_dump's custom format, read with pg_restore, which is never connected to a server. */
export interface Archive {
  /** The schemas that it holds. */
  readonly schemas: Schemas;
  /** The version of the server that it was made from. */
  readonly serverVersion: string;
  /** Returns the statements that make all but the schema itself, those before and behind the rows apart. */
  statements(wanted: Wanted): Promise<Statements>;
  /** Returns the roles that things in it belong to. */
  owners(): Promise<readonly string[]>;
  /** Returns the functions and operators in it, and whose they are. */
  functions(): Promise<readonly ArchivedFunction[]>;
  /** Returns the definitions that may call one when rows are loaded. */
  calling(): Promise<string>;
  /** Returns the statements that give and take rights. */
  rights(): Promise<readonly string[]>;
  /** Returns the statements that bring sequences to where they were. */
  sequences(): Promise<readonly string[]>;
  /** Reads the rows of all tables, and then the statements that set sequences. */
  data(visitor: DataVisitor): Promise<void>;
}

export interface ArchivedFunction {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
}

/** What is wanted of an archive's statements beside the definitions. */
export interface Wanted {
  readonly owners: boolean;
  readonly rights: boolean;
}

export interface Statements {
  readonly before: string;
  readonly after: string;
}

export interface DataVisitor {
  /** Has to take all rows. */
  rows(table: ArchivedTable, rows: AsyncIterable<Uint8Array>): Promise<void>;
  statements?(text: string): Promise<void>;
}

/** A table as an archive names it. */
export interface ArchivedTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
  /** `COPY … FROM stdin`. */
  readonly statement: string;
}

/** Where {@link openArchive} finds what it reads. */
export interface ArchiveSource {
  readonly programs: PgDump;
  readonly path: string;
  readonly signal: AbortSignal;
}

/** @throws {HarborError} `backup_failed` when the file is no archive of schemas */
export async function openArchive({ programs, path, signal }: ArchiveSource): Promise<Archive> {
  const restore = <T>(args: readonly string[], consume: (output: AsyncIterable<Uint8Array>) => Promise<T>) =>
    runProgram(
      { program: programs.pgRestore, args: [...args, path], environment: { LC_ALL: "C" }, signal },
      consume,
    );
  // Each run of pg_restore takes as long as all that harbor-db itself does with what it prints.
  const scripts = new Map<string, Promise<string>>();
  const list = await restore(["--list"], readOutput);
  const entries = list.split("\n").filter((line) => /^\d+; /.test(line));
  const [, serverVersion] = /^;\s+Dumped from database version: (\S+)/m.exec(list) ?? [];
  const schemas = onlySchema(entries) ??
    schemasOf(await script(["--section=pre-data", "--no-owner", "--no-privileges"]));
  if (schemas === null || serverVersion === undefined) {
    throw damagedCopy("it does not say what schema it holds");
  }

  function script(args: readonly string[]): Promise<string> {
    const key = JSON.stringify(args);
    const known = scripts.get(key) ?? restore([...args, "--file=-"], readOutput).then(bodyOf);
    scripts.set(key, known);
    return known;
  }

  /** Reads the statements of the entries in the table of contents that `kind` fits. */
  async function statementsOf(kind: RegExp): Promise<readonly ScriptStatement[]> {
    const wanted = entries.filter((entry) => kind.test(entry));
    return wanted.length === 0 ? [] : statementsIn(await withList(wanted, (file) => script([file])));
  }

  const statements = async ({ owners, rights }: Wanted): Promise<Statements> => {
    const args = [
      ...schemas.map((each) => `--schema=${each}`),
      ...owners ? [] : ["--no-owner"],
      ...rights ? [] : ["--no-privileges"],
    ];
    return {
      before: await script([...args, "--section=pre-data"]),
      after: await script([...args, "--section=post-data"]),
    };
  };

  // With the rights, as they are asked for anyhow.
  const owned = async () => {
    const { before, after } = await statements({ owners: true, rights: true });
    return [before, after].flatMap(statementsIn).filter((statement) => !isAboutRights(statement));
  };
  let standing: Promise<readonly ScriptStatement[]> | undefined;

  return {
    schemas,
    serverVersion,
    statements,
    async owners() {
      // The table of contents tells names and owners apart by blanks, which either may hold.
      const found = (await owned()).map(ownerIn).filter((name) => name !== null);
      return [...new Set(found)];
    },
    functions: async () => (await owned()).flatMap(functionIn),
    calling: async () => (await owned()).filter(mayCall).map(({ text }) => text).join("\n"),
    async rights() {
      // Their section is that of whatever stands before them, so none is asked for. Among other statements they could
      // not be told from text of users.
      const statements = await statementsOf(/^\d+; \d+ \d+ (DEFAULT )?ACL /);
      const other = statements.find((statement) => !isAboutRights(statement));
      if (other !== undefined) throw damagedCopy(`"${other.text}" stands among its rights`);
      return statements.map(({ text }) => text);
    },
    sequences: async () =>
      (await (standing ??= statementsOf(/^\d+; \d+ \d+ SEQUENCE SET /))).map(({ text }) => text),
    data: (visitor) => restore(["--section=data", "--file=-"], (output) => readData(output, visitor)),
  };
}

/** Reads `ALTER TABLE public.users OWNER TO "the app";`. */
function ownerIn({ tokens }: ScriptStatement): string | null {
  const [owner, to, name] = tokens.slice(-4);
  return isWord(tokens[0], "ALTER") && isWord(owner, "OWNER") && isWord(to, "TO") ? nameOf(name) : null;
}

/** Reads `ALTER FUNCTION public.total(integer) OWNER TO app;`, and `ALTER OPERATOR public.= (integer, text) OWNER TO app;`. */
function functionIn(statement: ScriptStatement): readonly ArchivedFunction[] {
  const owner = ownerIn(statement);
  const [, kind, schema, , name] = statement.tokens;
  if (
    owner === null || !["FUNCTION", "PROCEDURE", "AGGREGATE", "OPERATOR"].some((word) => isWord(kind, word))
  ) {
    return [];
  }
  const end = statement.tokens.findIndex(({ text }) => text === "(");
  const signs = statement.tokens.slice(4, end).map(({ text }) => text).join("");
  const named = isWord(kind, "OPERATOR") ? signs : nameOf(name) ?? "";
  return [{ schema: nameOf(schema) ?? "", name: named, owner }];
}

/** Whether a statement defines what runs something while rows are loaded: a trigger comes behind them. */
function mayCall(statement: ScriptStatement): boolean {
  const [create, kind] = statement.tokens;
  const isOther = ["FUNCTION", "PROCEDURE", "AGGREGATE", "TRIGGER", "RULE", "POLICY"].some((word) =>
    isWord(kind, word)
  );
  return ownerIn(statement) === null && !isWord(create, "COMMENT") && !(isWord(create, "CREATE") && isOther);
}

/** What pg_restore writes for rights: who gives them too, where that is somebody else than the owner. */
function isAboutRights({ tokens: [first, second, third] }: ScriptStatement): boolean {
  return isWord(first, "GRANT") || isWord(first, "REVOKE") ||
    (isWord(first, "ALTER") && isWord(second, "DEFAULT") && isWord(third, "PRIVILEGES")) ||
    ((isWord(first, "SET") || isWord(first, "RESET")) && isWord(second, "SESSION") &&
      isWord(third, "AUTHORIZATION"));
}

async function withList<T>(entries: readonly string[], work: (option: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "harbor-db-"));
  try {
    const file = join(folder, "list");
    await writeFile(file, `${entries.join("\n")}\n`);
    return await work(`--use-list=${file}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns the schema of an archive that has one, as its table of contents names it; `null` where there are several, or a blank
 * in its name or its owner's leaves open where it ends: the script tells them.
 */
function onlySchema(entries: readonly string[]): Schemas | null {
  const [first = "", ...others] = entries.filter((entry) => /^\d+; 2615 \d+ SCHEMA - /.test(entry));
  const name = others.length === 0 ? /SCHEMA - (\S+) \S+$/.exec(first)?.[1] : undefined;
  return name === undefined ? null : [name];
}

/**
 * Returns the schemas that a script makes, the default one first: it is the one with harbor-db's own tables, else `public`;
 * `null` when it makes none.
 */
function schemasOf(script: string): Schemas | null {
  const tokens = statementsIn(script).map((statement) => statement.tokens);
  const made = tokens.flatMap(([create, schema, name]) =>
    isWord(create, "CREATE") && isWord(schema, "SCHEMA") ? nameOf(name) ?? [] : []
  );
  const own = tokens.find(([create, table, , , name]) =>
    isWord(create, "CREATE") && isWord(table, "TABLE") && nameOf(name) === "harbor_version"
  );
  const home = [nameOf(own?.[2]), "public", made[0]].find((name) => made.includes(name ?? ""));
  return home === undefined || home === null ? null : [home, ...made.filter((name) => name !== home)];
}

/**
 * Takes the settings at its head and psql's commands at either end off a script. In between there are no commands, but
 * text of users that may look like some.
 */
function bodyOf(script: string): string {
  const lastSetting = "\nSET row_security = off;\n";
  const start = script.indexOf(lastSetting);
  const end = script.lastIndexOf("\n--\n-- PostgreSQL database dump complete\n--\n");
  if (start < 0 || end < 0) throw damagedCopy("pg_restore wrote something else than a script");
  return script.slice(start + lastSetting.length, end + 1);
}

/** Names may hold whatever lines look like, so statements are read as such. */
async function readData(output: AsyncIterable<Uint8Array>, visitor: DataVisitor): Promise<void> {
  const script = readScript(output);
  for (let isBody = false;;) {
    const statement = await script.statement();
    if (statement === null) {
      if (isBody) return;
      throw damagedCopy("its rows end too early");
    }
    if (!isBody) isBody = statement === "SET row_security = off;";
    else if (copyStart.test(statement)) await visitor.rows(tableOf(statement), script.rows());
    else await visitor.statements?.(statement);
  }
}

/** Reads `COPY public.users (id, "Name") FROM stdin;`. */
function tableOf(statement: string): ArchivedTable {
  const [, schema, dot, name, ...others] = tokenize(statement, "postgresql");
  const columns = others.slice(0, -3).map(nameOf).filter((column) => column !== null);
  const [schemaName, tableName] = [nameOf(schema), nameOf(name)];
  if (schemaName === null || tableName === null || dot?.text !== ".") {
    throw damagedCopy(`"${statement}" names no table of a schema`);
  }
  return { schema: schemaName, name: tableName, columns, statement: statement.slice(0, -1) };
}
