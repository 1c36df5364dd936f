import { readFile, statfs } from "node:fs/promises";

/**
 * Returns a folder of the machine's memory with so many GiB free, where nothing waits for a disk: making and dropping tables costs a
 * server half as much, and a libSQL server is there in half the time. `null` where there is none.
 */
export async function placeInMemory(gibibytes: number): Promise<string | null> {
  const path = "/dev/shm";
  // Programs have to run in it, and containers often have one of 64 MiB.
  const isFit = (await readFile("/proc/mounts", "utf8").catch(() => "")).split("\n").some((line) => {
    const [, at, type, options = ""] = line.split(" ");
    return at === path && type === "tmpfs" && !options.split(",").includes("noexec");
  });
  if (!isFit) return null;
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize >= gibibytes * 2 ** 30 ? path : null;
}
