import { quoteForShell } from "../../base/quote_shell.ts";

/** What a crontab line is made of. Paths are absolute. */
export interface CronPlan {
  readonly command: readonly string[];
  readonly workingDirectory: string;
  /** Sourced by the shell before the command; `null` when there is no need. */
  readonly environmentFile: string | null;
  readonly environment: Readonly<Record<string, string>>;
  /** `HH:MM`. */
  readonly at: string;
}

/** Returns a line for a user's crontab, which mails what the command prints. */
export function renderCrontab(
  { command, workingDirectory, environmentFile, environment, at }: CronPlan,
): string {
  const [hour, minute] = at.split(":").map(Number);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quoteForShell(value)}`);
  const steps = [
    `cd ${quoteForShell(workingDirectory)}`,
    ...environmentFile === null ? [] : [`set -a && . ${quoteForShell(environmentFile)} && set +a`],
    [...variables, ...command.map(quoteForShell)].join(" "),
  ];
  // For cron a percent sign ends the line.
  return `${minute} ${hour} * * * ${steps.join(" && ").replaceAll("%", "\\%")}`;
}
