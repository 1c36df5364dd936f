import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { shownAddress } from "../../hooks/shown_address.ts";
import type { Change, DueAfter } from "../../hooks/due_after.ts";
import type { App } from "../../cli/app.ts";
import { duration } from "../../cli/duration_option.ts";
import { text, type Values } from "../../cli/options.ts";
import { databaseIdentity, deliveryOptions } from "../backup/options.ts";
import { stateFileName, stateFolder } from "../verify/state_folder.ts";

/** What is done around a change: the application stopped and started, and asked how it is. */
export const aroundOptions = {
  before: text("--before <command>", "run this before a change, such as: systemctl stop openharbor"),
  after: text(
    "--after <command>",
    "run this after a change, also one that failed, such as: systemctl start openharbor",
  ),
  hookTimeout: deliveryOptions.hookTimeout,
  healthUrl: {
    ...text("--health-url <url>", "ask the application there how it is until it answers with 2xx"),
    shown: shownAddress,
    parse: (value: string) => {
      const url = URL.parse(value);
      if (!/^https?:$/.test(url?.protocol ?? "")) {
        throw new Error("use a URL that begins with https:// or http://");
      }
      if (url!.username !== "" || url!.password !== "") throw new Error("use one without a password");
      return value;
    },
  },
  healthTimeout: duration("--health-timeout <time>", "how long the application may take for that", 60_000),
};

/**
 * How the database is when a change is over: where it should be, as it was since nothing was begun, somewhere on the way, or
 * brought back.
 */
export type Ending = "upgraded" | "downgraded" | "unchanged" | "failed" | "restored";

/** The operator's commands around a change, and the health of the application. */
export interface Around {
  /** Whether {@link before} was called: the commands then have to be brought to their end. */
  isOpen(): boolean;
  /**
   * Runs the command of `--before`, once, before anything of a change is done.
   *
   * @throws {HarborError} `command_failed`, `interrupted`
   */
  before(change: Change): Promise<void>;
  /**
   * Runs the command of `--after`, also when the user asked to stop, and closes what is open. Call it without the lock: the application that it
   * starts may run a harbor-db of its own.
   *
   * @throws {HarborError} `command_failed`
   */
  after(ending: Ending): Promise<void>;
  /**
   * Waits until the application is well, where it is known how to ask.
   *
   * @throws {HarborError} `unhealthy`, `interrupted`
   */
  health(): Promise<void>;
  /** Opens it for the change of an earlier run that was killed before its command of `--after` came to its end. */
  openIfDue(): Promise<void>;
}

/** Makes the commands ready; nothing is run before it is asked for. */
export function createAround(app: App, options: Values<typeof aroundOptions>): Around {
  const { system, report } = app;
  const { before, after, hookTimeout: limitMs, healthUrl, healthTimeout } = options;
  let open: Change | null = null;

  async function run(option: string, command: string, { change, ending }: Told): Promise<void> {
    const { runCommand } = await import("../../hooks/run_command.ts");
    report.note(`running the command of ${option}`);
    await runCommand(system.commandHost, {
      option,
      command,
      variables: { HARBOR_DB_CHANGE: change, ...ending === undefined ? {} : { HARBOR_DB_OUTCOME: ending } },
      limitMs,
      // What starts the application again is not for a Ctrl-C to stop.
      signal: ending === undefined ? system.signal : null,
    });
  }

  return {
    isOpen: () => open !== null,
    openIfDue: async () => {
      const due = after === undefined || open !== null ? null : await findDue(app);
      if (due === null) return;
      report.note(`the ${due.change} of ${due.since} was stopped before its command of --after ended`);
      open = due.change;
    },
    before: async (change) => {
      if (open !== null && change !== "restore") return;
      open = change;
      if (before === undefined) return;
      if (after !== undefined) await note(app, change);
      await run("--before", before, { change });
    },
    after: async (ending) => {
      const change = open ?? "upgrade";
      open = null;
      if (after === undefined) return;
      await run("--after", after, { change, ending });
      const { clearDue } = await import("../../hooks/due_after.ts");
      clearDue(duePath(app));
    },
    health: async () => {
      if (healthUrl === undefined) return;
      const { askHealth } = await import("../../hooks/ask_health.ts");
      report.event({ kind: "doing", text: `waiting for ${shownAddress(healthUrl)}`, isFree: true });
      await askHealth(healthUrl, { limitMs: healthTimeout, signal: system.signal });
      report.event({ kind: "done" });
      report.line(`${report.colors.green("healthy")}    ${shownAddress(healthUrl)} answers`);
    },
  };
}

interface Told {
  readonly change: Change;
  /** Left out before the change. */
  readonly ending?: Ending;
}

/** A run that is killed leaves word. Where none can be left, the run goes on without. */
async function note(app: App, change: Change): Promise<void> {
  const { noteDue } = await import("../../hooks/due_after.ts");
  const { host, pid } = app.system.client;
  try {
    noteDue(duePath(app), { since: new Date().toISOString(), change, host, pid });
  } catch (error) {
    app.report.note(`a killed run will not be known by status: ${messageOf(error)}`);
  }
}

/** Returns the change after which the command of `--after` did not come to its end, where nobody is at it any more. */
export async function findDue(app: App): Promise<DueAfter | null> {
  const { readDue } = await import("../../hooks/due_after.ts");
  const due = readDue(duePath(app));
  if (due === null) return null;
  const { host, pid, isAlive } = app.system.client;
  // In a container every run may have the same number.
  const isUnderWay = due.host === host && due.pid !== pid && isAlive(due.pid);
  return isUnderWay ? null : due;
}

function duePath(app: App): string {
  return join(stateFolder(app.system), stateFileName("after", databaseIdentity(app, app.databaseUrl())));
}
