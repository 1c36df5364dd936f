import { HarborError } from "../../base/errors.ts";
import { hasControls } from "../../base/one_line.ts";

/**
 * Returns a file of variables that systemd's `EnvironmentFile=` and a shell's `.` read alike: in double quotes both take
 * a backslash before `"`, `\`, `$` and a backquote, and nothing else, for an escape. Single quotes they read differently.
 *
 * @throws {HarborError} `usage` for a value with control characters, which systemd drops
 */
export function renderEnvironmentFile(variables: Readonly<Record<string, string>>): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    // The value is a secret.
    if (hasControls(value)) {
      throw new HarborError(
        "usage",
        `Cannot write ${name} into a file of variables: it holds a control character`,
      );
    }
    return `${name}="${value.replaceAll(/["\\$`]/g, "\\$&")}"\n`;
  });
  return lines.join("");
}
