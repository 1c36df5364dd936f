import { HarborError } from "../../base/errors.ts";
import { quoteForShell } from "../../base/quote_shell.ts";
import type { MadeBackup } from "../../backup/make.ts";
import { formatBytes, formatDuration } from "../../base/quantity.ts";
import type { App } from "../../cli/app.ts";
import type { Values } from "../../cli/options.ts";
import { type deliveryOptions, openDelivery } from "./options.ts";

/** By which the record of a backup's deliveries knows what the operator's command did. */
const afterBackup = "--after-backup";

type Made = Omit<MadeBackup, "timing">;

/** One way to bring a backup elsewhere. */
interface Way {
  /** By which the record of a backup's deliveries knows it. */
  readonly to: string;
  /** Brings it there and returns how it went, as a line ends. */
  bring(): Promise<string>;
  /** What brings it there later, as a command to paste; `null` where nothing of ours does. */
  readonly again: string | null;
  /** Whether it is known that there is nothing to do. */
  readonly isDone: boolean;
}

/**
 * Brings a backup where backups are to go: into the bucket first, then by the operator's command. What fails keeps nothing
 * from going to the other.
 *
 * @returns Why it is not elsewhere; `null` when it is, or was not to be
 */
export async function deliver(
  app: App,
  options: Values<typeof deliveryOptions>,
  made: Made,
): Promise<HarborError | null> {
  let failure: HarborError | null = null;
  for (const open of [intoBucket, byCommand]) {
    const way = await open(app, options, made);
    if (way === null || way.isDone) continue;
    const problem = await bring(app, way, made);
    if (problem?.code === "interrupted") return problem;
    failure = failure === null || problem === null ? failure ?? problem : failure.with({
      message: [...failure.lines, ...problem.lines],
      hint: [...new Set([...failure.hintLines, ...problem.hintLines])],
    });
  }
  return failure;
}

async function bring(
  { report }: App,
  { to, bring, again }: Way,
  { path }: Made,
): Promise<HarborError | null> {
  const { withDeliveryRecord } = await import("../../backup/store/deliveries.ts");
  try {
    let words = "";
    await withDeliveryRecord(path, { to, now: () => new Date() }, async () => {
      words = await bring();
    });
    report.line(`${report.colors.green("delivered")}  ${words}`);
    return null;
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const isStopped = error.code === "interrupted";
    return error.with({
      ...isStopped ? {} : { code: "delivery_failed" },
      hint: [
        ...isStopped ? [] : error.hintLines,
        `The backup stands, proven and not delivered: ${path}`,
        ...again === null ? [] : [`To deliver it then: ${again}`],
      ],
      details: { path },
    });
  }
}

/** Looks what is in the bucket, whatever the record says of it. */
async function intoBucket(
  app: App,
  options: Values<typeof deliveryOptions>,
  { path, manifestPath, manifest, isWhole }: Made,
): Promise<Way | null> {
  const bucket = await openDelivery(app, options);
  if (bucket === null) return null;
  const { report, system } = app;
  return {
    to: bucket.address.place,
    isDone: false,
    again: `harbor-db backup copy ${quoteForShell(path)} --copy-to ${quoteForShell(options.copyTo!)}`,
    bring: async () => {
      const { deliverBackup } = await import("../../backup/store/deliver.ts");
      const context = { signal: system.signal, now: () => new Date(), notify: report.event };
      const delivery = await deliverBackup({ path, manifestPath, manifest, isWhole }, bucket, context);
      return `${delivery.path}  ${
        delivery.isNew
          ? `${formatBytes(manifest.bytes)} in ${formatDuration(delivery.ms)}`
          : "it was there already, as it was written"
      }`;
    },
  };
}

/** Runs the operator's command. A backup that was there already is not brought twice. */
async function byCommand(
  { system }: App,
  { afterBackup: command, hookTimeout }: Values<typeof deliveryOptions>,
  { path, manifestPath, manifest, isReused }: Made,
): Promise<Way | null> {
  if (command === undefined) return null;
  const [{ readDeliveries }, { runCommand }] = await Promise.all([
    import("../../backup/store/deliveries.ts"),
    import("../../hooks/run_command.ts"),
  ]);
  return {
    to: afterBackup,
    isDone: isReused && readDeliveries(path).some(({ to, error }) => to === afterBackup && error === null),
    again: null,
    bring: async () => {
      await runCommand(system.commandHost, {
        option: afterBackup,
        command,
        variables: {
          HARBOR_DB_BACKUP_PATH: path,
          HARBOR_DB_BACKUP_MANIFEST: manifestPath,
          HARBOR_DB_BACKUP_ID: manifest.id,
        },
        limitMs: hookTimeout,
        signal: system.signal,
      });
      return `${manifest.id} by ${afterBackup}`;
    },
  };
}
