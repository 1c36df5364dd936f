import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nameOf, tokenize } from "../../../../sql/lexer.ts";
import { copyStart, damagedCopy, readScript } from "../script.ts";
import type { PgDump } from "./find_program.ts";
import { readOutput, runProgram } from "./program.ts";

/** An archive of pg_dump's custom format, read with pg_restore, which is never connected to a server. */
export interface Archive {
  /** The schema that it holds. */
  readonly schema: string;
  /** The version of the server that it was made from. */
  readonly serverVersion: string;
  /** Its table of contents but for the schema itself: `218; 1259 16647 TABLE public users harbor_app`. */
  readonly entries: readonly string[];
  /** Returns the statements that make all but the schema itself, those before and behind the rows apart. */
  statements(wanted: Wanted): Promise<Statements>;
  /** Returns the statements that give rights, one a line. */
  rights(): Promise<readonly string[]>;
  /** Reads the rows of all tables, and then the statements that set sequences. */
  data(visitor: DataVisitor): Promise<void>;
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

/** @throws {HarborError} `backup_failed` when the file is no archive of one schema */
export async function openArchive({ programs, path, signal }: ArchiveSource): Promise<Archive> {
  const restore = <T>(args: readonly string[], consume: (output: AsyncIterable<Uint8Array>) => Promise<T>) =>
    runProgram(
      { program: programs.pgRestore, args: [...args, path], environment: { LC_ALL: "C" }, signal },
      consume,
    );
  const list = await restore(["--list"], readOutput);
  const entries = list.split("\n").filter((line) => /^\d+; /.test(line));
  const [, serverVersion] = /^;\s+Dumped from database version: (\S+)/m.exec(list) ?? [];
  const schema = schemaOf(await script(["--section=pre-data", "--no-owner", "--no-privileges"]));
  if (schema === null || serverVersion === undefined) {
    throw damagedCopy("it does not say what schema it holds");
  }

  async function script(args: readonly string[]): Promise<string> {
    return bodyOf(await restore([...args, "--file=-"], readOutput));
  }

  return {
    schema,
    serverVersion,
    entries: entries.filter((entry) => !isSchemaItself(entry)),
    async statements({ owners, rights }) {
      const args = [
        `--schema=${schema}`,
        ...owners ? [] : ["--no-owner"],
        ...rights ? [] : ["--no-privileges"],
      ];
      return {
        before: await script([...args, "--section=pre-data"]),
        after: await script([...args, "--section=post-data"]),
      };
    },
    async rights() {
      const wanted = entries.filter((entry) => /^\d+; \d+ \d+ (DEFAULT )?ACL /.test(entry));
      if (wanted.length === 0) return [];
      // Their section is that of whatever stands before them, so none is asked for. Among other statements they could
      // not be told from text of users.
      const text = await withList(wanted, (file) => script([file]));
      return text.split("\n").filter((line) => line.endsWith(";"));
    },
    data: (visitor) => restore(["--section=data", "--file=-"], (output) => readData(output, visitor)),
  };
}

/** The restored schema is there already, and may belong to somebody else. */
function isSchemaItself(entry: string): boolean {
  return /^\d+; \d+ \d+ (SCHEMA|(COMMENT|SECURITY LABEL) - SCHEMA) /.test(entry);
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

/** A schema stands before what it holds. */
function schemaOf(script: string): string | null {
  const first = /^\n--\n-- Name: .*; Type: SCHEMA; .*\n--\n\nCREATE SCHEMA (.*);\n/.exec(script)?.[1];
  return first === undefined ? null : nameOf(tokenize(first, "postgresql")[0]);
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

/** Among the rows there is no text of users but names, so lines can be told apart. */
async function readData(output: AsyncIterable<Uint8Array>, visitor: DataVisitor): Promise<void> {
  const script = readScript(output);
  for (let isBody = false;;) {
    const line = await script.line();
    if (line === null) throw damagedCopy("its rows end too early");
    if (line === "-- PostgreSQL database dump complete") break;
    if (!isBody) isBody = line === "SET row_security = off;";
    else if (copyStart.test(line)) await visitor.rows(tableOf(line), script.rows());
    else if (line !== "" && !line.startsWith("--")) await visitor.statements?.(line);
  }
  while ((await script.line()) !== null);
}

/** Reads `COPY public.users (id, "Name") FROM stdin;`. */
function tableOf(line: string): ArchivedTable {
  const [, schema, dot, name, ...others] = tokenize(line, "postgresql");
  const columns = others.slice(0, -3).map(nameOf).filter((column) => column !== null);
  const [schemaName, tableName] = [nameOf(schema), nameOf(name)];
  if (schemaName === null || tableName === null || dot?.text !== ".") {
    throw damagedCopy(`"${line}" names no table of a schema`);
  }
  return { schema: schemaName, name: tableName, columns, statement: line.slice(0, -1) };
}
