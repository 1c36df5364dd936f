import { HarborError } from "../../base/errors.ts";
import type { MadeBackup } from "../../backup/make.ts";
import type { App } from "../../cli/app.ts";
import type { Values } from "../../cli/options.ts";
import type { deliveryOptions } from "./options.ts";

/** By which the record of a backup's deliveries knows what the operator's command did. */
const afterBackup = "--after-backup";

/**
 * Runs the operator's command for a backup that was made, which brings it elsewhere. A backup that was there already is not
 * brought twice.
 *
 * @returns Why it is not elsewhere; `null` when it is, or was not to be
 */
export async function deliver(
  { system, report }: App,
  { afterBackup: command, hookTimeout }: Values<typeof deliveryOptions>,
  { path, manifestPath, manifest, isReused }: Omit<MadeBackup, "timing">,
): Promise<HarborError | null> {
  if (command === undefined) return null;
  const [{ readDeliveries, withDeliveryRecord }, { runCommand }] = await Promise.all([
    import("../../backup/deliveries.ts"),
    import("../../hooks/run_command.ts"),
  ]);
  const isThere = readDeliveries(path).some(({ to, error }) => to === afterBackup && error === null);
  if (isReused && isThere) return null;
  try {
    await withDeliveryRecord(
      path,
      { to: afterBackup, now: () => new Date() },
      () =>
        runCommand(system.commandHost, {
          option: afterBackup,
          command,
          variables: {
            HARBOR_DB_BACKUP_PATH: path,
            HARBOR_DB_BACKUP_MANIFEST: manifestPath,
            HARBOR_DB_BACKUP_ID: manifest.id,
          },
          limitMs: hookTimeout,
          signal: system.signal,
        }),
    );
    report.line(`${report.colors.green("delivered")}  ${manifest.id} by ${afterBackup}`);
    return null;
  } catch (error) {
    if (!(error instanceof HarborError)) throw error;
    const isStopped = error.code === "interrupted";
    return error.with({
      ...isStopped ? {} : { code: "delivery_failed" },
      hint: [
        ...isStopped ? [] : error.hintLines,
        `The backup stands, proven and not delivered: ${path}`,
      ],
      details: { path },
    });
  }
}
