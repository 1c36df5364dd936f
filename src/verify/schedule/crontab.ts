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
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${quote(value)}`);
  const steps = [
    `cd ${quote(workingDirectory)}`,
    ...environmentFile === null ? [] : [`set -a && . ${quote(environmentFile)} && set +a`],
    [...variables, ...command.map(quote)].join(" "),
  ];
  // For cron a percent sign ends the line.
  return `${minute} ${hour} * * * ${steps.join(" && ").replaceAll("%", "\\%")}`;
}

function quote(word: string): string {
  return /^[\w/.,:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
