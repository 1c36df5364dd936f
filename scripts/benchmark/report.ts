import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { readFileSync } from "node:fs";
import type { Bench, Section, SectionTable } from "./bench.ts";
import { type Measure, median, medianOf, rounded } from "./stats.ts";

/** A whole bench, as it is kept. */
export interface BenchReport {
  /** ISO 8601. */
  readonly date: string;
  readonly machine: string;
  readonly tools: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
  /** Of each thing at least; `null` where the sections say it. */
  readonly runs: number | null;
  readonly sections: readonly Section[];
}

/** Puts a bench together with where and when it was made. */
export function reportOf(
  { tools, missing }: Bench,
  { sections, runs }: Pick<BenchReport, "sections" | "runs">,
  date: Date,
): BenchReport {
  return {
    date: date.toISOString(),
    machine: machineName(),
    tools: Object.fromEntries(tools.map(({ name, version }) => [name, version])),
    missing: Object.fromEntries(missing.map(({ name, reason }) => [name, reason])),
    runs,
    sections,
  };
}

/** Writes a bench as Markdown. */
export function markdownOf(report: BenchReport): string {
  const { date, machine, tools, missing, runs, sections } = report;
  const lines = [
    "# Bench",
    "",
    `Made by \`scripts/bench\` on ${date.slice(0, 10)}, ${machine}. ${
      runs === null ? "Every" : `${runs} runs of each at least, in turn; every`
    } run counts.`,
    "",
    `Measured: ${Object.entries(tools).map(([name, version]) => `${name} ${version}`).join(", ")}.`,
    ...Object.entries(missing).map(([name, reason]) => `\nMissing: **${name}** (${reason}).`),
    "",
    "## Goals",
    "",
    "| reached | goal | found |",
    "|---|---|---|",
    ...sections.flatMap(({ title, goals }) =>
      goals.map(({ text, found, isReached }) =>
        `| ${isReached ? "yes" : "**no**"} | ${title}: ${text} | ${found} |`
      )
    ),
    "",
  ];
  for (const { title, text, measures, table, failures } of sections) {
    lines.push(`## ${title}`, "", text, "");
    for (const { tool, runs, message } of failures) {
      lines.push(`**${tool} failed in ${runs} runs:** ${lastLine(message)}`, "");
    }
    for (const measure of measures) lines.push(...tableOf(measure), "");
    if (table !== undefined) lines.push(...linesOf(table), "");
  }
  return lines.join("\n");
}

/** What a tool said last, without what it drew on the terminal. */
function lastLine(message: string): string {
  // deno-lint-ignore no-control-regex
  const plain = message.replaceAll(/\x1b\[[\d;]*[A-Za-z]/g, "").trim();
  return plain.split("\n").at(-1)!.trim().slice(0, 200);
}

function linesOf({ head, rows }: SectionTable): readonly string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|---${"|--:".repeat(head.length - 1)}|`, ...rows.map(line)];
}

function tableOf(measure: Measure): readonly string[] {
  const own = medianOf(measure, "harbor-db");
  const ratio = (value: number) => own === null || own === 0 ? "" : `${rounded(value / own)} ×`;
  return [
    `| ${measure.name} | minimum | median | maximum | of harbor-db's |`,
    "|---|--:|--:|--:|--:|",
    ...measure.series.map(({ tool, samples }) => {
      const values = [Math.min(...samples), median(samples), Math.max(...samples)].map(rounded);
      return `| ${tool} | ${values.join(" | ")} | ${ratio(median(samples))} |`;
    }),
  ];
}

function machineName(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${processors.length} × ${
    processors[0]?.model.trim() ?? "unknown processor"
  }, ${memory} GB, Linux ${release()}, ${distribution()}, ${diskKind()}`;
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown system";
  } catch {
    return "unknown system";
  }
}

function diskKind(): string {
  try {
    return `${execFileSync("stat", ["-f", "-c", "%T", "."], { encoding: "utf8" }).trim()} file system`;
  } catch {
    return "unknown file system";
  }
}
