import { exitCodeOfFindings, summarize } from "../../base/finding.ts";
import { counted } from "../../base/quantity.ts";
import { acceptEdits, checkProject, type CheckRequest, takeBaseline } from "../../author/check/check.ts";
import type { ProjectFinding } from "../../author/rules/folder/finding.ts";
import { finishInterrupted } from "../../author/writing/write_together.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { projectPaths, writeOptions } from "./write_revision.ts";
import { findingText, printFinding, summaryText } from "../../cli/print_finding.ts";
import { proofSettings } from "./proof_settings.ts";

interface CheckValues {
  readonly schema: string | undefined;
  readonly prove: boolean;
  readonly proveUrl: string | undefined;
  readonly acceptEdits: boolean;
  readonly postgresVersion: number;
  readonly baseline: string | undefined;
  readonly strict: boolean;
}

/** Checks the developer's folder and prints what was found. */
export async function runCheck(app: App, options: CheckValues): Promise<Outcome> {
  const { report, system, settings } = app;
  const request: CheckRequest = {
    paths: projectPaths(app, options.schema),
    cwd: system.cwd,
    postgresVersion: options.postgresVersion,
    proof: options.prove ? await proofSettings(app, options.proveUrl) : null,
    client: system.client,
  };
  report.event({ kind: "doing", text: "checking the history" });
  const writing = writeOptions(app, request.paths.dir);
  if (options.baseline !== undefined || options.acceptEdits) {
    await finishInterrupted(request.paths.dir, writing);
  }
  if (options.baseline !== undefined) {
    const isProving = options.prove && options.acceptEdits;
    await takeBaseline(request, { target: options.baseline, isProving }, writing);
  }
  const found = await checkProject(request);
  const findings = options.acceptEdits ? await acceptEdits(request, found, writing) : found;
  const exitCode = exitCodeOfFindings(findings, options.strict);
  const summary = summarize(findings);
  const folded = fold(findings);
  if (settings.quiet) {
    const problems = folded.filter(({ status }) => status === "fail" || status === "error");
    for (const finding of problems) report.raw(`${findingText(app, finding)}\n`);
  }
  const said = new Set<string | null>();
  for (const finding of folded) {
    printFinding(app, said.has(finding.hint) ? { ...finding, hint: null } : finding);
    said.add(finding.hint);
  }
  report.line();
  report.line(report.colors.bold(`${exitCode === 0 ? "good" : "not good"}: ${summaryText(summary)}`));
  return { ok: exitCode === 0, ...exitCode === 0 ? {} : { exitCode }, json: { findings, summary } };
}

/**
 * Returns warnings, and missing ways back, that say the same of several places as one, of the last of them: a history that others
 * wrote may have the same thing at hundreds, and of those the newest can still be changed. What else fails is mended place by
 * place, and each of them is named.
 */
function fold(findings: readonly ProjectFinding[]): readonly ProjectFinding[] {
  const groups = Map.groupBy(findings, (finding) => {
    const { check, status, message, details: { file } } = finding;
    if (typeof file !== "string" || (status !== "warn" && check !== "downgrade")) return finding;
    const words = message.replace(file, "").replace(/^:\d+(?=:)/, "");
    return `${check} ${status} ${words}`;
  });
  return [...groups.values()].map((group) => {
    const [first, last] = [group[0]!, group.at(-1)!];
    if (first === last) return last;
    const more = group.length - 1;
    return {
      ...last,
      message: `${last.message} (and ${counted(more, "place")} before it, from ${first.details["file"]} on)`,
    };
  });
}
