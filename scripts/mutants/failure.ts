/**
 * Says what a run of tests came to, by its report in JUnit's form.
 *
 * @param code What `deno test` ended with
 * @returns The name of a test that failed, or why the run says nothing, as where a filter leaves a file without a test;
 * `null` when tests of every file ran and passed
 */
export function failureIn(report: string, code: number | null): string | null {
  const suites = report.split(/<testsuite\b/).slice(1).map((text) => text.split(/<testcase\b/));
  const failed = suites.flatMap(([, ...cases]) => cases).find((text) => /<(?:failure|error)\b/.test(text));
  if (code !== 0) return failed === undefined ? "a test file could not be run" : nameIn(failed);
  const idle = suites.find(([, ...cases]) => cases.every((text) => /<skipped\b/.test(text)));
  if (idle !== undefined) return `no test ran of ${nameIn(idle[0]!)}`;
  return suites.length > 0 ? null : "no test ran";
}

function nameIn(text: string): string {
  return /name="([^"]*)"/.exec(text)?.[1]?.replaceAll("&quot;", '"').replaceAll("&apos;", "'") ?? "a test";
}
