import { HarborError } from "../../../base/errors.ts";
import { counted } from "../../../base/quantity.ts";
import type { App } from "../../../cli/app.ts";
import type { Forecast } from "../../../rehearse/rules/forecast.ts";
import type { Query, QueryReport } from "../../../rehearse/rules/queries.ts";
import { firstLine } from "../../../sql/first_line.ts";

/** So many are named one after the other; `--json` has all. */
const mostNamed = 5;

/** Prints for people what becomes of the application's queries. */
export function printQueries(
  { report }: App,
  { count, broken, worse, unjudged, added, remarks }: QueryReport,
): void {
  const { red, magenta } = report.colors;
  const more = (text: string) => report.line(`           ${text}`);
  for (const { why, ...query } of broken) {
    report.line(red(`query      ${query.place} can no longer be prepared: ${why}`));
    more(oneLine(query));
  }
  for (const { reasons, before, after, ...query } of worse) {
    report.line(magenta(`query      ${query.place} has a worse plan: ${reasons.join("; ")}`));
    more(oneLine(query));
    for (const [word, lines] of [["before", before], ["after", after]] as const) {
      lines.forEach((line, at) => more(`${(at === 0 ? word : "").padEnd(6)}  ${line}`));
    }
  }
  for (const { place, why } of unjudged.slice(0, mostNamed)) {
    report.line(`query      ${place} could not be prepared before either, and was not judged: ${why}`);
  }
  if (unjudged.length > mostNamed) {
    report.line(`query      ${unjudged.length - mostNamed} more could not be prepared before either`);
  }
  const same = count - broken.length - worse.length - unjudged.length - added.length;
  const fresh = added.length === 0 ? "" : `, ${added.length} can be prepared only afterwards`;
  for (const remark of remarks) report.note(remark);
  report.line(`queries    ${counted(count, "query", "queries")}: ${same} as good as before${fresh}`);
}

/** Returns the error of a change after which queries fail that did not; `null` when all can be prepared. */
export function brokenError(app: App, { queries }: Forecast): HarborError | null {
  const broken = queries?.broken ?? [];
  if (broken.length === 0) return null;
  const words = broken.slice(0, mostNamed).map(({ place, why, sql }) =>
    `${place} (${firstLine(sql)}): ${why}`
  );
  if (broken.length > mostNamed) words.push(`and ${broken.length - mostNamed} more`);
  return new HarborError("rehearsal_failed", `Cannot change "${app.databaseUrl().display}"`, {
    state: `${counted(broken.length, "query", "queries")} can no longer be prepared on its copy afterwards: ${
      words.join("; ")
    }`,
    hint: "The database is as it was. Change the revision, or the query first.",
    details: { broken },
  });
}

function oneLine({ sql }: Query): string {
  return firstLine(sql.replaceAll(/\s+/g, " "));
}
