import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/options.ts";

export const historyCommand = defineCommand({
  options: { verbose: flag("--verbose", "also parents, times of writing and checksums") },
  examples: [{ line: "history --verbose", does: "with checksums and whether they still match" }],
  run: (app, { options }) =>
    app.withRun("read", async (context) => {
      const { describeApplied, listRevisions } = await import("../state/read_revisions.ts");
      const { readState } = await import("../state/read_state.ts");
      const state = await readState(context);
      const revisions = listRevisions(context.history, state);
      const head = options.verbose
        ? ["revision", "name", "applied", "parent", "written", "by", "checksum", "matches"]
        : ["revision", "name", "applied"];
      const rows = revisions.map((each) => {
        const known = each.applied ? describeApplied(each) : "-";
        const applied = each.appliedAt ??
          (each.unfinished === null ? known : `${each.unfinished} unfinished`);
        const matches = each.checksumMatches === null
          ? each.applied ? "unknown" : "-"
          : each.checksumMatches
          ? "yes"
          : "EDITED";
        const warning = !each.inHistory
          ? " (not in the history)"
          : each.checksumMatches === false
          ? " (edited since)"
          : "";
        if (!options.verbose) return [each.revision, each.name, applied + warning];
        const { parent, createdAt, appliedBy, checksum } = each;
        const more = [parent ?? "base", createdAt ?? "-", appliedBy ?? "-", checksum.slice(0, 12), matches];
        return [each.revision, each.name, applied, ...more];
      });
      await app.report.table(head, rows);
      if (state.refusal !== null) app.report.note(`what is applied is unknown: ${state.refusal.message}`);
      return { json: { revisions, problem: state.refusal } };
    }),
});
