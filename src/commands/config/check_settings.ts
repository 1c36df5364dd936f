import { parseBucketAddress } from "../../backup/bucket/rules/address.ts";
import { checkRecipients } from "../../backup/store/codec.ts";
import { HarborError } from "../../base/errors.ts";
import { globalOptions } from "../../cli/global_options.ts";
import { longName, type Options, resolveOptions, variableOf } from "../../cli/options.ts";
import type { System } from "../../cli/system.ts";
import { backupOptions, keepOptions } from "../backup/options.ts";
import { aroundOptions } from "../migrate/around.ts";
import { rehearsalOptions } from "../migrate/rehearsal/options.ts";
import { safetyOptions } from "../migrate/safety_net.ts";
import { serviceOptions } from "../schedule/service_options.ts";
import { verifyOptions } from "../verify/options.ts";
import { settingNames } from "./setting_names.ts";

/** The options that settings stand for. */
export const settingOptions: Options = Object.fromEntries(
  Object.values({
    ...safetyOptions,
    ...aroundOptions,
    ...rehearsalOptions,
    ...backupOptions,
    ...keepOptions,
    ...verifyOptions,
    ...serviceOptions,
    ...globalOptions,
  }).map((option) => [longName(option), option]).filter(([name]) => settingNames.includes(name as string)),
);

/**
 * Refuses a value that the commands would refuse: what is shown as in force has to be so.
 *
 * @throws {HarborError} `bad_config`
 */
export async function checkSettings({ environment, settingsFile }: System): Promise<void> {
  const origins = settingsFile?.origins ?? {};
  const values = resolveOptions(settingOptions, { given: new Map(), environment, origins });
  const asSetting = (name: string, error: unknown): never => {
    if (!(error instanceof HarborError)) throw error;
    const variable = variableOf(name);
    throw error.with({ message: `Cannot take ${origins[variable] ?? variable}`, state: error.state });
  };
  const copyTo = values["copy-to"] as string | undefined;
  if (copyTo !== undefined && copyTo !== "none") {
    try {
      parseBucketAddress(copyTo, environment);
    } catch (error) {
      asSetting("copy-to", error);
    }
  }
  await checkRecipients(values["encrypt-to"] as readonly string[]).catch((error: unknown) =>
    asSetting("encrypt-to", error)
  );
}
