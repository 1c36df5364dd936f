import { join } from "node:path";
import { projectFile } from "../../tests/support/project.ts";
import { type Bench, paired, type Part, withDatabases, withFolders } from "./bench.ts";
import { atMost } from "./goals.ts";
import { harborCommand, harborTool } from "./harbor.ts";
import { smallHistory } from "./history.ts";
import { run } from "./process.ts";
import type { Tool } from "./tool.ts";

const count = 5_000;
const fromBinary = "harbor-db, built in";

/** A long history. */
export const historyPart: Part = {
  name: "history",
  summary: "status and history with 5,000 revisions",
  async measure(bench) {
    bench.note(`${count} revisions`);
    const history = smallHistory("sqlite", count);
    const known = bench.tools.filter((tool) => ["harbor-db", "dbmate"].includes(tool.name));
    const { measures, failures } = await withFolders(
      known,
      (tool, folder) => tool.prepare(folder, history, 0),
      async (folderOf) => {
        const own = known.find((tool) => tool.name === "harbor-db")!;
        const binary = await build(bench, join(folderOf(own), "drizzle"));
        const builtIn: Tool = { ...harborTool(binary), name: fromBinary };
        const tools = [...known, builtIn];
        return await withDatabases(bench.sqlite, tools, async (urlOf) => {
          const targetOf = (tool: Tool) => ({
            dialect: "sqlite" as const,
            url: urlOf(tool),
            folder: tool === builtIn ? bench.cache : folderOf(tool),
            ...(tool === builtIn ? { to: "head" } : {}),
          });
          for (const tool of tools) await run(tool.upgrade(targetOf(tool)));
          return await paired(bench, tools, async (tool) => {
            const { ms } = await run(tool.status(targetOf(tool))!);
            if (tool.name === "dbmate") return { "status, ms": ms };
            const listing = harborCommand(tool === builtIn ? binary : bench.binary, targetOf(tool), [
              "history",
            ]);
            return { "status, ms": ms, "history, ms": (await run(listing)).ms };
          });
        });
      },
    );
    return [{
      title: "5,000 revisions, all applied, on SQLite",
      text: "From a folder, and built into the binary.",
      measures,
      failures,
      goals: measures.flatMap((each) => [
        ...atMost(each, 150),
        ...atMost({ ...each, name: `${each.name}, built in`, series: renamed(each.series) }, 150),
      ]),
    }];
  },
};

/** Builds a harbor-db that has another history in it. */
async function build({ cache }: Bench, dir: string): Promise<string> {
  const binary = join(cache, "harbor-db-with-long-history");
  await run({ file: projectFile("scripts/build"), args: ["--dir", dir, "--outfile", binary] });
  return binary;
}

function renamed<S extends { readonly tool: string }>(series: readonly S[]): readonly S[] {
  return series.filter(({ tool }) => tool === fromBinary).map((each) => ({ ...each, tool: "harbor-db" }));
}
