import { HarborError } from "../base/errors.ts";
import { type History, scriptChecksum } from "./history.ts";
import { splitStatements } from "./scripts/script.ts";
import type { Statement } from "./scripts/statement.ts";
import { foldedName, tokensOf } from "../sql/cursor.ts";
import { quoteName, quoteText } from "../sql/quote.ts";
import { roleWords } from "../sql/reach/role_statements.ts";
import { runningText } from "../sql/reach/running_text.ts";
import { serverWords } from "../sql/reach/server_reach.ts";

/** The file on which something was proven. */
export interface HostUse {
  /** As shown in messages. */
  readonly file: string;
  /** As `SHA256SUMS` has it. */
  readonly sha256: string;
}

/** What a file says that the host brings. */
export interface HostScript extends HostUse {
  /** Roles, which belong to the whole server: they are made where they are missing, and go with the proof. */
  readonly roles: readonly { readonly name: string; readonly line: number; readonly sql: string }[];
  /** Everything else, in order. */
  readonly statements: readonly Pick<Statement, "line" | "sql">[];
}

/** Says on what something was proven. */
export function hostWords({ file }: HostUse): string {
  return `proven on what ${file} makes, and not on what the host itself brings`;
}

const ofBoth = `${roleWords}|${serverWords}`;

/** What changes more than the database in which it runs: none of it may come to a server by way of a scratch database. */
const ofServer = new RegExp(
  // Without what is granted on there is a membership.
  `^(?:${ofBoth}|(?:comment |security label .*)on (?:role|database|tablespace)|(?:grant|revoke) (?!.* on )|copy .* program )`,
);

/** The same in the text of a block, as far as it is written out there. */
const ofServerInside = new RegExp(
  `\\b(?:${ofBoth}|(?:grant|revoke) (?![^;]* on )|copy [^;]* program )`.replaceAll(" ", "\\s+"),
  "i",
);

/** What stays behind the file, in the session in which scripts are proven. */
const ofSession =
  /^(?:set (?!local |transaction |constraints )|reset |discard |listen |load |select .*\bset_config \((?!.* true \)))/;

/** What ends the transaction in which the file runs. */
const ofTransaction = /^(?:begin|start transaction|commit|end|abort|rollback|prepare transaction)\b/;

/**
 * Reads the file, `null` where there is none: any statements that run in one transaction, and `CREATE ROLE name` for roles.
 *
 * @throws {HarborError} `bad_script` with file and line
 */
export function readHost({ host }: Pick<History, "host">): HostScript | null {
  const text = host?.text() ?? null;
  if (host === undefined || text === null) return null;
  const { file } = host;
  if (host.isGarbled?.() === true) {
    throw new HarborError("bad_script", `Cannot read "${file}"`, {
      state: "it is not UTF-8",
      hint: "Save it as UTF-8.",
      details: { file },
    });
  }
  const roles: HostScript["roles"][number][] = [];
  const statements: HostScript["statements"][number][] = [];
  for (const { line, sql } of splitStatements({ file, text, dialect: "postgresql" })) {
    const tokens = tokensOf(sql, "postgresql");
    const words = `${tokens.map((token) => token.text.toLowerCase()).join(" ")} `;
    const fail = (state: string, hint: string) =>
      new HarborError("bad_script", `Cannot read "${file}" line ${line}`, {
        state,
        hint,
        details: { file, line },
      });
    const name = tokens.length === 3 && /^create role /.test(words)
      ? foldedName(tokens[2], "postgresql")
      : null;
    if (name !== null) {
      // Also where it is there, and the user may make none.
      const body = `BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ${
        quoteText(name)
      }) THEN CREATE ROLE ${quoteName(name)}; END IF; END`;
      roles.push({ name, line, sql: `DO ${quoteText(body)}` });
      continue;
    }
    const asked = tokens[0]!.text.toLowerCase() === "do"
      ? ofServerInside.test(runningText(sql))
      : ofServer.test(words);
    if (asked) {
      throw fail(
        "it changes the whole server, and not the scratch database alone",
        "Leave it out. A role that is named somewhere: CREATE ROLE name; with nothing behind it",
      );
    }
    if (ofSession.test(words)) {
      throw fail(
        "it outlasts the file, and scripts would be proven with it",
        "Leave it out, or say SET LOCAL, which lasts as long as the file.",
      );
    }
    if (ofTransaction.test(words)) {
      throw fail("all of the file runs in one transaction", "Leave BEGIN and COMMIT out.");
    }
    statements.push({ line, sql });
  }
  return { file, sha256: scriptChecksum(text), roles, statements };
}
