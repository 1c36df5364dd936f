import type { Dialect } from "../../base/dialect.ts";
import { HarborError } from "../../base/errors.ts";
import { counted } from "../../base/quantity.ts";
import type { LawOfRevision } from "../proof/law.ts";
import type { ProjectFinding } from "../rules/folder/finding.ts";
import type { History } from "../../history/history.ts";
import { type HostUse, hostWords } from "../../history/host.ts";
import { unfold } from "../../history/unfold.ts";
import { type NotRun, notRunOn, type ProofSetting } from "../proof/begin.ts";
import { type Ground, groundWords } from "../proof/ground.ts";
import { emptyText, proveRevisions } from "../proof/prove.ts";
import type { Unfilled } from "../proof/prover.ts";

/**
 * Proves the revisions of each dialect that there is something to prove them on; of those that are released only that they
 * run.
 */
export async function checkProof(
  histories: readonly { readonly history: History; readonly released: number }[],
  settings: ReadonlyMap<Dialect, ProofSetting>,
): Promise<readonly ProjectFinding[]> {
  const findings: ProjectFinding[] = [];
  for (const { history, released } of histories) {
    const { dialect } = history;
    const setting = settings.get(dialect);
    if (setting === undefined) {
      findings.push({
        check: "proof",
        status: "warn",
        message: `the scripts of ${dialect} were not run`,
        hint: "Name a server to try them on: --prove-url postgresql://…",
        details: { dialect },
      });
      continue;
    }
    try {
      for (const way of waysThrough(history)) {
        const done = released === 0 ? 0 : way.revisions.length - history.revisions.length + released;
        const { empty, law, host, ground } = await proveRevisions(
          way,
          { first: done, released: done },
          setting,
        );
        if (ground !== null) findings.push(fromSnapshot(dialect, ground));
        if (law.length > 0) findings.push(lawful(dialect, law));
        // Of a table that is released, nobody can change why.
        const fixed = new Set(way.revisions.slice(0, done).map(({ id }) => id));
        for (const [isFixed, tables] of Map.groupBy(empty, ({ revision }) => fixed.has(revision))) {
          findings.push(withoutRows(dialect, tables, isFixed ? "pass" : "warn"));
        }
        if (host !== null) findings.push(onHost(dialect, host));
      }
    } catch (error) {
      if (!(error instanceof HarborError) || error.code === "interrupted") throw error;
      findings.push({
        check: "proof",
        status: error.code === "not_proven" ? "fail" : "error",
        message: `${dialect}: ${error.message}`,
        hint: error.hintLines.join("; ") || null,
        details: { ...error.details, dialect },
      });
    }
  }
  return [...findings, ...notRunOn(settings).map(passedOver)];
}

/** Where revisions were squashed, there are databases that go by the ones, and some that go by the others. */
function waysThrough(history: History): readonly History[] {
  if (history.covered === undefined) return [history];
  return [history, unfold(history, { names: new Set(), isForeign: true })];
}

/** Says what was seen of what nobody wrote, and what could not be looked at. */
function lawful(dialect: Dialect, law: readonly LawOfRevision[]): ProjectFinding {
  const rows = law.reduce((sum, each) => sum + each.rows, 0);
  const unseen = law.flatMap(({ revision, unseen }) =>
    unseen.map(({ table, reason }) => `${revision}${table === null ? "" : ` ${table}`} (${reason})`)
  );
  return {
    check: "proof",
    status: "pass",
    message: `${dialect}: up, writes, down, writes and up again leave alone what nobody wrote: ${
      counted(rows, "row")
    } looked at in ${counted(law.length, "revision")}${
      unseen.length === 0 ? "" : `; not looked at: ${unseen.join("; ")}`
    }`,
    hint: null,
    details: { dialect, revisions: law },
  };
}

/** What stands instead of scripts that do not run is not proven of them; where nothing lets them run, nobody can do anything about it. */
function fromSnapshot(dialect: Dialect, ground: Ground): ProjectFinding {
  const { hint } = ground;
  const message = `${dialect}: ${groundWords(ground)}`;
  return {
    check: "proof",
    status: hint === null ? "pass" : "warn",
    message,
    hint,
    details: { dialect, ground },
  };
}

/** A stand-in may do other things than what it stands for. */
function onHost(dialect: Dialect, host: HostUse): ProjectFinding {
  const message = `${dialect}: ${hostWords(host)}`;
  return { check: "proof", status: "pass", message, hint: null, details: { dialect, host } };
}

/** What would have changed more than a scratch database. */
function passedOver({ dialect, text }: NotRun): ProjectFinding {
  return {
    check: "proof",
    status: "pass",
    message: `${dialect}: ${text}`,
    hint: null,
    details: { dialect, notRun: text },
  };
}

/** What was proven without rows is not proven on rows. */
function withoutRows(
  dialect: Dialect,
  empty: readonly Unfilled[],
  status: "pass" | "warn",
): ProjectFinding {
  return {
    check: "proof",
    status,
    message: `${dialect}: every revision goes up, down and up again, but without rows in ${
      empty.map(emptyText).join("; ")
    }`,
    hint: null,
    details: { dialect, empty },
  };
}
