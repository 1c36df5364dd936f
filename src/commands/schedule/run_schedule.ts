import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { renderCrontab } from "../../verify/schedule/crontab.ts";
import { HarborError, messageOf } from "../../base/errors.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import { shownText } from "../../base/shown_text.ts";
import { renderEnvironmentFile } from "../../verify/schedule/environment_file.ts";
import { journalOf, renderUnits } from "../../verify/schedule/systemd_units.ts";
import { limitRemedy } from "../../base/files/limit_remedy.ts";
import { trustedPath } from "../../base/files/open_folder.ts";
import { readRegularText } from "../../base/files/regular_file.ts";
import { createFile, replaceFile } from "../../base/files/replace_file.ts";
import { removeFileSync } from "../../base/files/remove_sync.ts";
import type { App } from "../../cli/app.ts";
import type { Outcome } from "../../cli/command.ts";
import { refuseUnknown, refuseUnreadable, refuseUnwritable } from "./refuse_user.ts";
import { planSchedule, type SchedulePlan, type ScheduleValues } from "./plan.ts";

/** Prints or writes what runs `verify` every night. */
export async function runSchedule(app: App, options: ScheduleValues): Promise<Outcome> {
  const { uninstall: isUninstall, user } = options;
  // Whose units go does not depend on who would back up.
  const plan = planSchedule(app, isUninstall ? { ...options, user: user ?? "root" } : options);
  if (isUninstall) return await uninstall(app, plan, options.dryRun);
  if (options.cron && options.install) {
    throw new HarborError("usage", "Cannot install a crontab line: put it into a crontab yourself", {
      hint: "harbor-db schedule --cron, then crontab -e",
    });
  }
  // A crontab is most often that of the user who asks for its line.
  const as = options.cron ? user : plan.user;
  refuseUnknown(user ?? as);
  refuseUnreadable({ user: as, paths: plan.checked });
  refuseUnwritable(as, plan.outputs);
  if (user !== undefined) noteUser(app, { plan, user, isCron: options.cron });
  if (options.cron) return printCron(app, plan);
  const units = renderUnits(withLog(plan, options));
  const files = units.map(({ name, text }) => ({ path: join(plan.unitDir, name), text }));
  if (!options.install) {
    for (const { path, text } of files) app.report.raw(`# ${shownText(path)}\n${text}\n`);
    app.report.raw(environmentWords(plan));
    return { json: { files: files.map((file) => ({ ...file, state: "shown" })), next: nextSteps(plan) } };
  }
  return await install(app, plan, { files, isDryRun: options.dryRun });
}

/** Says what is left to do for a user that nothing of what is printed or written names. */
function noteUser(
  { report, system }: App,
  { plan, user, isCron }: { readonly plan: SchedulePlan; readonly user: string; readonly isCron: boolean },
): void {
  if (isCron) report.note(`the line is for ${user}: crontab -u ${quoteForShell(user)} -e`);
  else if (plan.user === undefined && user !== system.userName()) {
    report.note(`a user's own units run as that user: for ${user}, run this as root`);
  }
}

function printCron(app: App, plan: SchedulePlan): Outcome {
  const hasSecrets = Object.keys(plan.secrets).length > 0;
  const line = renderCrontab({
    ...plan,
    workingDirectory: app.system.cwd,
    command: [...plan.command, "--quiet"],
    backup: plan.backup && [...plan.backup, "--quiet"],
    environment: {
      ...plan.environment,
      ...Object.fromEntries(Object.entries(plan.credentials).map(([name, path]) => [`${name}_FILE`, path])),
    },
    environmentFile: hasSecrets ? plan.environmentFile : null,
  });
  app.report.raw(
    `# Prints nothing when all is well, so cron mails only when something is wrong: set MAILTO.\n${line}\n`,
  );
  if (hasSecrets) {
    const file = quoteForShell(plan.environmentFile);
    app.report.raw(
      `# Make the file for nobody else to read, and write into it:\n# install -D -m 600 /dev/null ${file}\n`,
    );
    app.report.raw(secretNames(plan));
  }
  return { json: { cron: line } };
}

/** Without a log of its own the service keeps one in its state folder, for the report and `status`. */
function withLog(plan: SchedulePlan, { log }: ScheduleValues): SchedulePlan {
  return log === undefined
    ? { ...plan, command: [...plan.command, "--log", `%S/${plan.stateFolder}/verify.jsonl`] }
    : plan;
}

/** Says which variables the file has to hold; never what they hold. */
function environmentWords(plan: SchedulePlan): string {
  const names = secretNames(plan);
  if (names === "") return "";
  return `# ${shownText(plan.environmentFile)} (mode 0600; schedule --install writes it)\n${names}`;
}

function secretNames({ secrets }: SchedulePlan): string {
  return Object.keys(secrets).map((name) => `# ${name}="…"\n`).join("");
}

interface Installation {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly isDryRun: boolean;
}

async function install(app: App, plan: SchedulePlan, { files, isDryRun }: Installation): Promise<Outcome> {
  const { report } = app;
  // What it cannot hold is refused before anything is written.
  renderEnvironmentFile(plan.secrets);
  const states = files.map((file) => ({ ...file, before: readIfThere(file.path) }));
  const changed = states.filter(({ text, before }) => before !== null && before !== text);
  const hasSecrets = Object.keys(plan.secrets).length > 0;
  const makesSecrets = hasSecrets && !existsSync(plan.environmentFile);
  if (!isDryRun) {
    if (changed.length > 0) await app.confirm(`Replace ${changed.map(({ path }) => path).join(", ")}?`);
    for (const { path, text, before } of states) {
      if (before !== text) {
        inFolder(path, () => replaceFile(path, text, { mode: 0o644 }));
      }
    }
    if (makesSecrets) inFolder(plan.environmentFile, () => writeSecrets(plan));
  }
  const results = [
    ...states.map(({ path, text, before }) => ({
      path,
      text,
      state: before === text ? "unchanged" : isDryRun ? "to be written" : "written",
    })),
    ...hasSecrets
      ? [{
        path: plan.environmentFile,
        state: makesSecrets ? isDryRun ? "to be written" : "written" : "kept",
      }]
      : [],
  ];
  for (const { path, state } of results) report.line(`${state.padEnd(13)} ${path}`);
  report.line();
  if (isDryRun) { for (const { path, text } of files) report.raw(`# ${shownText(path)}\n${text}\n`); }
  else {
    report.line(`Now run: ${nextSteps(plan).join(" && ")}`);
    report.line(`And look: ${journalOf(plan)}`);
  }
  return { json: { files: results, next: nextSteps(plan) } };
}

/** Removes the units of a name, and what systemd links to the timer; the file of secrets is the operator's. */
async function uninstall(app: App, plan: SchedulePlan, isDryRun: boolean): Promise<Outcome> {
  const { report } = app;
  const { name, unitDir, user, environmentFile } = plan;
  const units = [`${name}.service`, `${name}.timer`, `${name}-failed.service`].map((unit) =>
    join(unitDir, unit)
  );
  const found = units.map((path) => ({ path, text: readIfThere(path) })).filter(({ text }) => text !== null);
  const foreign = found.find(({ text }) => !/harbor-db/.test(text!));
  if (foreign !== undefined) {
    throw new HarborError("unsafe_path", `Cannot remove "${foreign.path}"`, {
      state: "it is no unit of harbor-db's",
      hint: "Look what it is, and remove it by hand.",
    });
  }
  const link = join(unitDir, "timers.target.wants", `${name}.timer`);
  const paths = [...found.map(({ path }) => path), ...isLink(link) ? [link] : []];
  const systemctl = user === undefined ? "systemctl --user" : "systemctl";
  const next = [`${systemctl} stop ${name}.timer`, `${systemctl} daemon-reload`];
  if (paths.length === 0) report.line(`nothing to remove: ${unitDir} has no ${name}.timer`);
  else {
    if (!isDryRun) {
      await app.confirm(`Remove ${paths.join(", ")}?`);
      for (const path of paths) removeFileSync(path);
    }
    for (const path of paths) report.line(`${isDryRun ? "would be removed" : "removed"}  ${path}`);
    if (!isDryRun) report.line(`Now run: ${next.join(" && ")}`);
  }
  if (existsSync(environmentFile)) report.note(`${environmentFile} is yours and stays`);
  return {
    json: {
      files: paths.map((path) => ({ path, state: isDryRun ? "to be removed" : "removed" })),
      next: paths.length === 0 ? [] : next,
    },
  };
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function nextSteps({ name, user, missingBackups }: SchedulePlan): readonly string[] {
  const systemctl = user === undefined ? "systemctl --user" : "systemctl";
  const owner = user === undefined ? "" : ` -o ${quoteForShell(user ?? "root")}`;
  return [
    ...missingBackups === null ? [] : [`install -d -m 700${owner} ${quoteForShell(missingBackups)}`],
    // A user's own systemd ends when the user is logged out.
    ...user === undefined ? ["loginctl enable-linger"] : [],
    `${systemctl} daemon-reload`,
    `${systemctl} enable --now ${name}.timer`,
    `${systemctl} start ${name}.service`,
  ];
}

/** A longer file is no unit. */
const mostUnit = 1024 * 1024;

function readIfThere(path: string): string | null {
  return readRegularText(path, mostUnit) ?? null;
}

/** Written once and for nobody else to read; a file that is there is the operator's. */
function writeSecrets({ environmentFile, secrets }: SchedulePlan): void {
  createFile(environmentFile, renderEnvironmentFile(secrets), { mode: 0o600 });
}

function inFolder(path: string, work: () => void): void {
  try {
    mkdirSync(trustedPath(dirname(path)), { recursive: true, mode: 0o755 });
    work();
  } catch (error) {
    if (error instanceof HarborError && error.code === "unsafe_path") throw error;
    // What writes a file has said already which one.
    const reason = error instanceof HarborError ? error.cause ?? error : error;
    throw new HarborError("file_failed", `Cannot write "${path}": ${messageOf(reason)}`, {
      hint: limitRemedy(reason) ??
        "Run it as root, give a folder that this user may write (--unit-dir), or print the units: harbor-db schedule",
      cause: error,
    });
  }
}
