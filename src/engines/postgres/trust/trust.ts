import { foldName } from "../../../base/fold_name.ts";
import type { PostgresUrl } from "../../../base/url/postgres_url.ts";
import { HarborError } from "../../../base/errors.ts";
import { tokensOf } from "../../../sql/cursor.ts";
import { isWord, nameOf, type Token } from "../../../sql/lexer.ts";
import type { Session } from "../session/session.ts";
import type { Statement } from "../session/statement.ts";
import {
  type Asked,
  findGrants,
  findPeers,
  findWriters,
  type Grant,
  isSuperuser,
  others,
  type Writer,
} from "./lesser_roles.ts";
import {
  findFunctions,
  findUntrusted,
  findUntrustedWithin,
  listOwnings,
  type Untrusted,
} from "./untrusted.ts";

/** Whose code runs in a session, as far as it is somebody else's. */
export interface Trust {
  /** @throws {HarborError} `untrusted_owner` when reading a table would run somebody else's code */
  requireToLook(): Promise<void>;
  /** Looks anew. @throws {HarborError} `untrusted_owner` when changing rows or definitions would */
  requireToChange(): Promise<void>;
  /** @throws {HarborError} `untrusted_owner` when a statement of a user's calls it by name, or a superuser may come to run it */
  requireToRun(text: string): Promise<void>;
  /** @throws {HarborError} `untrusted_owner` when a lesser role may write to a table of ours whose content is to be run */
  requireOwnHands(table: string): Promise<void>;
  /** What a batch asks with its first statements: a row for {@link requireWithin}. */
  readonly asked: readonly Statement[];
  /**
   * Looks anew, in what the batch itself sees. In a transaction the tables get a lock first which lets everybody read and
   * write: until its end nobody hangs anything on them.
   *
   * @throws {HarborError} `untrusted_owner`; what the server says
   */
  requireWithin(answer: Asked | undefined, batch: Batch): Promise<void>;
}

interface Batch {
  readonly statements: readonly Statement[];
  readonly isTransaction: boolean;
}

/** How long an answer counts while tables are only read, in milliseconds. */
const freshMs = 1_000;

/**
 * Finds out whether a role with more rights than the owner of the schema would run the owner's code. A superuser who only
 * looks does so already when an index has a condition with a function in it.
 *
 * @param url The address as it may be shown
 */
export function trustOf(session: Session, url: string, isTrusted: boolean): Trust {
  let known: Promise<readonly Untrusted[]> | undefined;
  let knownAt = 0;
  function find(): Promise<readonly Untrusted[]> {
    if (known === undefined || performance.now() - knownAt > freshMs) {
      knownAt = performance.now();
      known = isTrusted ? Promise.resolve([]) : findUntrusted(session, session.shared);
    }
    return known;
  }
  function refuse(all: readonly Untrusted[], runs: readonly Untrusted["runs"][]): void {
    const found = all.filter((each) => runs.includes(each.runs));
    if (found.length > 0) throw untrustedError(url, found);
  }
  function refuseCalls(all: readonly Untrusted[], text: string): void {
    const callable = all.filter(({ runs }) => runs === "call");
    if (callable.length === 0) return;
    const names = namesIn(text);
    const called = names.areSure
      ? callable.filter(({ kind, name }) => names[kind === "view" ? "named" : "called"].has(name))
      : callable;
    if (called.length > 0) throw untrustedError(url, called);
  }
  return {
    requireToLook: async () => refuse(await find(), ["look"]),
    async requireToChange() {
      known = undefined;
      refuse(await find(), changing);
    },
    async requireToRun(text) {
      const all = await find();
      refuse(all, ["any"]);
      refuseCalls(all, text);
    },
    async requireOwnHands(table) {
      if (isTrusted) return;
      const writers = await session.shared(() => findWriters(session, table));
      if (writers.length === 0) return;
      const grants = await session.shared(() => findGrants(session, table));
      throw writersError(url, table, { writers, grants });
    },
    asked: isTrusted ? [] : [{ text: others(session), parameters: [] }],
    async requireWithin(answer, { statements, isTransaction }) {
      if (answer?.found !== true) return;
      if (isTransaction && answer.tables !== null) {
        await session.run([{ text: `LOCK TABLE ${answer.tables} IN ROW EXCLUSIVE MODE`, parameters: [] }]);
      }
      const all = await (isTransaction ? findUntrustedWithin : findUntrusted)(session);
      refuse(all, changing);
      for (const { text, asUser } of statements) if (asUser) refuseCalls(all, text);
    },
  };
}

const changing = ["look", "change", "load", "any"] as const;

/**
 * Returns all names in a statement, and those that may call a function: `f(x)`, and `row.f`, which is the same, and what
 * stands in `OPERATOR(schema.+)`. They are not sure where one is written with escapes (`U&"..."`), which may stand for any.
 */
function namesIn(
  text: string,
): { readonly named: ReadonlySet<string>; readonly called: ReadonlySet<string>; readonly areSure: boolean } {
  const named = new Set<string>();
  const called = new Set<string>();
  const tokens = tokensOf(text, "postgresql");
  for (const [place, token] of tokens.entries()) {
    if (isWord(token, "OPERATOR") && tokens[place + 1]?.text === "(") {
      const end = tokens.findIndex(({ text }, at) => at > place && text === ")");
      const signs = tokens.slice(place + 2, end).map(({ text }) => text).join("");
      called.add(signs.slice(signs.lastIndexOf(".") + 1));
    }
    for (const name of wordsOf(token)) {
      named.add(name);
      if (tokens[place + 1]?.text === "(" || tokens[place - 1]?.text === ".") called.add(name);
    }
  }
  return { named, called, areSure: !/U&"/i.test(text) };
}

/** Which letters beside A to Z the server folds depends on its encoding. */
function wordsOf(token: Token): readonly string[] {
  const name = wordOf(token);
  if (name === null || token.kind !== "word") return name === null ? [] : [name];
  return [name, foldName(token.text)];
}

function wordOf(token: Token | undefined): string | null {
  if (token === undefined) return null;
  return token.kind === "word" ? token.text.toLowerCase() : nameOf(token);
}

/**
 * Returns a function that says whether definitions, as the server writes them, call something: `schema.f(x)`, `f(x)`,
 * `OPERATOR(schema.+)`, and `FUNCTION = schema.f`. There `row.f` is a column.
 */
function callsIn(text: string): (schema: string, name: string) => boolean {
  const tokens = tokensOf(text, "postgresql");
  const calls = new Set<string>();
  const add = (schema: string | null, name: string) => calls.add(JSON.stringify([schema, name]));
  for (const [place, token] of tokens.entries()) {
    const isOpen = tokens[place + 1]?.text === "(";
    const before = tokens[place - 1];
    if (isWord(token, "OPERATOR") && isOpen) {
      const end = tokens.findIndex(({ text }, at) => at > place && text === ")");
      const signs = tokens.slice(place + 2, end).map(({ text }) => text).join("");
      add(wordOf(tokens[place + 2]), signs.slice(signs.lastIndexOf(".") + 1));
    }
    const name = wordOf(token);
    if (name === null) continue;
    if (before?.text === ".") {
      if (isOpen || tokens[place - 3]?.text === "=") add(wordOf(tokens[place - 2]), name);
    } else if (isOpen && !isWord(token, "CHECK") && !clauses.some((word) => isWord(before, word))) {
      add(null, name);
    }
  }
  return (schema, name) => [schema, null].some((each) => calls.has(JSON.stringify([each, name])));
}

/** Before what is followed by `(` and is no call: `PRIMARY KEY (id)`, `USING btree (id)`. */
const clauses = ["PRIMARY", "FOREIGN", "USING"];

/**
 * Returns what of somebody else's code would run when a copy of the tables is filled, and, with `isChanged`, when it is changed
 * then, as the end of a sentence; `null` for nothing.
 */
export async function untrustedOnLoad(
  session: Session,
  { trustsOwner }: PostgresUrl,
  isChanged: boolean,
): Promise<string | null> {
  if (trustsOwner) return null;
  const found = (await findUntrusted(session)).filter(({ runs }) =>
    loading.has(runs) || (isChanged && runs === "change")
  );
  return found.length === 0 ? null : shown(found);
}

/** Returns the statements after which a trial on a copy trusts no more than the database itself: see {@link listOwnings}. */
export async function ownersToTry(
  session: Session,
  { trustsOwner }: PostgresUrl,
): Promise<readonly string[]> {
  return trustsOwner ? [] : await listOwnings(session);
}

/**
 * Makes sure, in the transaction in which tables are filled, that this runs nobody else's code.
 *
 * @throws {HarborError} `untrusted_owner`
 */
export async function requireToLoad(session: Session, { display, trustsOwner }: PostgresUrl): Promise<void> {
  if (trustsOwner) return;
  const found = (await findUntrustedWithin(session)).filter(({ runs }) => loading.has(runs));
  if (found.length > 0) throw untrustedError(display, found);
}

const loading: ReadonlySet<Untrusted["runs"]> = new Set(["look", "load", "any"]);

/**
 * Makes sure that definitions which are about to be made call nothing of a lesser role's: on tables of ours it would run with
 * our rights.
 *
 * @throws {HarborError} `untrusted_owner`
 */
export async function requireToDefine(
  session: Session,
  { display, trustsOwner }: PostgresUrl,
  text: string,
): Promise<void> {
  if (trustsOwner) return;
  const functions = await findFunctions(session);
  if (functions.length === 0) return;
  const isCalled = callsIn(text);
  const found = functions.filter(({ schema, name }) => isCalled(schema, name));
  if (found.length > 0) throw untrustedError(display, found);
}

/** What a copy says of code in it. */
export interface ArchivedCode {
  /** Returns the definitions that may call something when rows are loaded. */
  text(): Promise<string>;
  /** Returns the functions and operators that it brings; the live database need not have them. */
  functions(): Promise<readonly { readonly schema: string; readonly name: string; readonly owner: string }[]>;
}

/** Whether a copy's definitions call a lesser role's function, of the database or of the copy. */
export async function callsUntrusted(
  session: Session,
  { trustsOwner }: PostgresUrl,
  code: ArchivedCode,
): Promise<boolean> {
  if (trustsOwner) return false;
  const brought = await code.functions();
  const peers = new Set(brought.length === 0 ? [] : await findPeers(session));
  const lesser = brought.filter(({ owner }) => !peers.has(owner));
  // All that is made there is the superuser's, and what a check calls by a number nothing tells.
  if (lesser.length > 0 && await isSuperuser(session)) return true;
  const functions = [...await findFunctions(session), ...lesser];
  if (functions.length === 0) return false;
  const isCalled = callsIn(await code.text());
  return functions.some(({ schema, name }) => isCalled(schema, name));
}

function writersError(
  url: string,
  table: string,
  { writers, grants }: { readonly writers: readonly Writer[]; readonly grants: readonly Grant[] },
): HarborError {
  const shown = writers.slice(0, 5).map(({ name, how }) => `${name} (${how})`);
  const more = writers.length > shown.length ? `, and ${writers.length - shown.length} more` : "";
  const revokes = [...Map.groupBy(grants, ({ what }) => what)].map(([what, given]) =>
    `REVOKE ${what} FROM ${given.map(({ to }) => to).join(", ")}${
      given.some(({ isPassedOn }) => isPassedOn) ? " CASCADE" : ""
    };`
  );
  const isKept = table.startsWith("harbor_kept");
  return new HarborError(
    "untrusted_owner",
    `Cannot ${
      isKept ? "put back" : "run"
    } what ${table} of "${url}" holds: roles with fewer rights than this one may write there: ${
      shown.join(", ")
    }${more}`,
    {
      hint: [
        isKept
          ? "Connect as a role that has no more rights than they do."
          : "Go back with the release that has the revision, or connect as a role that has no more rights than they do.",
        ...revokes.length === 0 ? [] : [
          `Or ${isKept ? "look at what it holds" : "read what would run (--sql)"}, and then: ${
            revokes.join(" ")
          }`,
        ],
        "If you trust whoever can act as them with all of your own rights: --trust-owner",
      ],
      details: { table, writers },
    },
  );
}

function untrustedError(url: string, found: readonly Untrusted[]): HarborError {
  const [first] = found;
  const might = first!.runs === "any" ? "could" : "would";
  return new HarborError(
    "untrusted_owner",
    `Cannot work on "${url}": this role has rights that ${
      first!.owner
    } lacks, and ${might} run with them what ` +
      `${first!.owner} wrote: ${shown(found)}`,
    {
      hint:
        `Connect as ${
          first!.owner
        }. If you trust whoever can act as that role with all of your own rights: ` +
        "--trust-owner",
      details: { objects: found },
    },
  );
}

function shown(found: readonly Untrusted[]): string {
  const all = [...new Set(found.map(({ kind, name, owner }) => `${kind} ${name} of ${owner}`))];
  const more = all.length > 5 ? `, and ${all.length - 5} more` : "";
  return `${all.slice(0, 5).join(", ")}${more}`;
}
