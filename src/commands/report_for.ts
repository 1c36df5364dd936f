import { createReport, type Report } from "../cli/output/report.ts";
import type { System } from "../cli/system.ts";

/** Returns the report of a process, as its options have it. */
export function reportFor(
  system: System,
  { json, quiet, noColor }: { readonly json: boolean; readonly quiet: boolean; readonly noColor: boolean },
  remedy?: (text: string) => string,
): Report {
  const { stdout, stderr, environment } = system;
  const color = !noColor && !environment["NO_COLOR"];
  const completing = remedy === undefined ? {} : { remedy };
  return createReport({ stdout, stderr, json, quiet, color, now: () => performance.now(), ...completing });
}
