import { execFile } from "node:child_process";
import { chmod, chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

/** What systemd read in a unit, as it says it: `Description`, `Environment`, `Command Line` … */
export type ReadUnit = Readonly<Record<string, readonly string[]>>;

/**
 * Has systemd itself load a unit of a folder and returns what it found in it. It loads units without being anybody's
 * service manager as long as it does not run as root.
 */
export async function readUnit(folder: string, name: string): Promise<ReadUnit> {
  const home = join(folder, "home");
  await mkdir(home, { recursive: true });
  const nobody = 65534;
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    await chown(home, nobody, nobody);
    await chmod(folder, 0o755);
  }
  const text = await new Promise<string>((resolve, reject) =>
    execFile(
      "/lib/systemd/systemd",
      ["--test", "--user", `--unit=${name}`, "--log-target=console"],
      {
        // The colon keeps systemd's own units, without which it loads none.
        env: { HOME: home, XDG_RUNTIME_DIR: home, SYSTEMD_UNIT_PATH: `${folder}:` },
        maxBuffer: 64 * 1024 * 1024,
        ...isRoot ? { uid: nobody, gid: nobody } : {},
      },
      (error, stdout, stderr) =>
        error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error })),
    )
  );
  const own = text.split(/^\t*-> Unit /m).find((part) => part.startsWith(`${name}:\n`));
  if (own === undefined) throw new Error(`systemd did not load ${name}:\n${text.slice(0, 2_000)}`);
  const fields: Record<string, string[]> = {};
  for (const line of own.split("\n")) {
    const [, key, value] = /^\s+([\w ]+): ?(.*)$/s.exec(line) ?? [];
    if (key !== undefined && value !== undefined) (fields[key] ??= []).push(value);
  }
  return fields;
}
