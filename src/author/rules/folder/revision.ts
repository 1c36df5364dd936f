import type { Revision } from "../../../history/history.ts";
import { snapshotOf } from "../../../history/revision_schema.ts";
import type { Script } from "../../../history/scripts/script.ts";
import { type Add, attempt, restore } from "./finding.ts";
import type { HistoryFolder } from "./history_folder.ts";

/** Looks through the files of a revision: that they are there, can be read, and lead back. */
export function checkRevision(folder: HistoryFolder, revision: Revision, add: Add): void {
  const [up, down, snapshot] = revision.files;
  const where = { revision: revision.id };
  if (!folder.files.has(snapshot)) {
    add(
      "files",
      { path: snapshot, ...where, isLost: true },
      "there is no such file",
      restore(`${folder.folder}/${snapshot}`),
    );
  } else {
    attempt(
      () => snapshotOf(revision),
      (error) =>
        add(
          "snapshot",
          { path: snapshot, ...where, isLost: true },
          error.state,
          restore(`${folder.folder}/${snapshot}`),
        ),
    );
  }
  const script = attempt(
    revision.upgrade,
    (error) =>
      add(
        "script",
        { path: up, line: error.details.line ?? null, ...where },
        error.state,
        error.hint ?? "Edit the script.",
      ),
  );
  checkWords(script, { path: up, ...where, status: "warn" }, add);
  const back = attempt(
    revision.downgrade,
    (error) =>
      add(
        "downgrade",
        { path: down, line: error.details.line ?? null, ...where },
        error.state,
        error.hint ?? "Edit the script.",
      ),
  );
  checkWords(back, { path: down, ...where, status: "warn" }, add);
  if (back === null) {
    add(
      "downgrade",
      { path: down, ...where },
      "there is no such file, so the revision cannot be undone",
      `Write it: what undoes ${folder.folder}/${up}. Or, where databases have it: harbor-db check --baseline ${revision.id}`,
    );
  } else if (back !== undefined && script !== undefined && isIdle(back) && !isIdle(script)) {
    if (back.statements.some(({ allowed }) => allowed.includes("idle_downgrade"))) return;
    add(
      "downgrade",
      { path: down, ...where },
      "it does nothing, and the upgrade does something",
      "Write what undoes it. Or say why not, above its SELECT 1: -- harbor:allow idle_downgrade REASON",
    );
  }
}

/** Names the BEGIN and COMMIT of a script that harbor-db leaves out. */
function checkWords(script: Script | null | undefined, where: Parameters<Add>[1], add: Add): void {
  const [line, ...more] = script?.leftOut ?? [];
  if (line === undefined) return;
  const isCut = script?.isCut === true;
  add(
    "script",
    { ...where, line },
    isCut
      ? "what stands behind its COMMIT runs statement by statement, and one may run twice where the upgrade is killed"
      : `the BEGIN and COMMIT in lines ${
        [line, ...more].join(", ")
      } are left out: all of it is one transaction without them`,
    `Nothing has to be done. Leave them out of the next script: ${
      isCut
        ? "what can run in no transaction says so above: -- harbor:alone"
        : "harbor-db begins and ends the transaction itself."
    }`,
  );
}

/** Says whether a script has no statement but `SELECT 1`. */
function isIdle({ statements }: Script): boolean {
  return statements.every(({ sql }) => /^SELECT 1$/i.test(sql));
}
