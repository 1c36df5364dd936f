import { HarborError } from "../../base/errors.ts";
import { refuseControls } from "../../base/one_line.ts";

/** What a crontab line is made of. Paths are absolute. */
export interface CronPlan {
  readonly command: readonly string[];
  /** What is run before it, which has to succeed; `null` without. */
  readonly backup: readonly string[] | null;
  readonly workingDirectory: string;
  /** Sourced by the shell before the command; `null` when there is no need. */
  readonly environmentFile: string | null;
  readonly environment: Readonly<Record<string, string>>;
  /** `HH:MM`. */
  readonly at: string;
}

/** So long a command some crons take, and no longer. */
const longestCommand = 998;

/**
 * Returns a line for a user's crontab, which mails what the command prints.
 *
 * @throws {HarborError} `usage` for what a crontab cannot hold
 */
export function renderCrontab(
  { command, backup, workingDirectory, environmentFile, environment, at }: CronPlan,
): string {
  refuseControls([
    ["the folder", workingDirectory],
    ["the file of secrets", environmentFile ?? ""],
    ...Object.entries(environment),
    ...[...backup ?? [], ...command].map((word) => ["the argument", word] as const),
  ], "a crontab");
  const [hour, minute] = at.split(":").map(Number);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoteForCron(value)}`);
  const steps = [
    `cd ${quoteForCron(workingDirectory)}`,
    ...environmentFile === null ? [] : [`set -a && . ${quoteForCron(environmentFile)} && set +a`],
    ...[backup, command].filter((each) => each !== null)
      .map((each) => [...variables, ...each.map(quoteForCron)].join(" ")),
  ];
  // For cron a percent sign ends the line.
  const line = steps.join(" && ").replaceAll("%", "\\%");
  if (new TextEncoder().encode(line).length > longestCommand) {
    throw new HarborError(
      "usage",
      `Cannot write a crontab line: it would be longer than ${longestCommand} bytes`,
      {
        hint: "Call harbor-db in a script of your own, or use systemd: harbor-db schedule --install",
      },
    );
  }
  return `${minute} ${hour} * * * ${line}`;
}

/**
 * Quotes a word for the shell. Some crons take two backslashes for one, and all take a backslash away that is before a
 * percent sign: quotes that end and begin again keep them apart.
 */
function quoteForCron(word: string): string {
  if (/^[\w/.,:=@+-]+$/.test(word)) return word;
  return `'${word.replace(/'|\\(?=[\\%])/g, (part) => part === "'" ? `'\\''` : `\\''`)}'`;
}
