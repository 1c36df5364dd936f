import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commandEntries, loadCommand } from "../../src/commands/all.ts";
import { completionScripts } from "../../src/cli/completion_script.ts";
import { mainPage, pageName, pageOf } from "./man_pages.ts";
import type { Release } from "./release.ts";

/** Writes what every archive and package has beside the binary: completions, man pages, licence, a sample of settings. */
export async function writeCommonFiles(root: string, release: Release, folder: string): Promise<void> {
  const completions = join(folder, "completions");
  const man = join(folder, "man");
  await mkdir(completions, { recursive: true });
  await mkdir(man, { recursive: true });
  await writeFile(join(completions, "harbor-db.bash"), completionScripts.bash);
  await writeFile(join(completions, "_harbor-db"), completionScripts.zsh);
  await writeFile(join(completions, "harbor-db.fish"), completionScripts.fish);
  const commands = await Promise.all(commandEntries.map(loadCommand));
  await writeFile(join(man, "harbor-db.1"), mainPage(commands, release));
  for (const command of commands) {
    await writeFile(join(man, `${pageName(command)}.1`), pageOf(command, release));
  }
  for (const file of ["LICENSE", "README.md", "CHANGELOG.md"]) {
    await copyFile(join(root, file), join(folder, file));
  }
  for (const file of ["harbor-db.toml", "harbor-db.env"]) {
    await copyFile(join(root, "scripts/release_parts/files", file), join(folder, `${file}.sample`));
  }
}
