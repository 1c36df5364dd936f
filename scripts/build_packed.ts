import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { build, type Metafile, type Plugin, type PluginBuild } from "esbuild";

/** A library that the binary holds packed. */
export interface Packed {
  readonly module: string;
  /** The only file that loads it, by its path in the checkout. */
  readonly importer: string;
  /** What the file takes of it. */
  readonly names: readonly string[];
  /** What is done to its sources on the way. */
  readonly plugins: readonly Plugin[];
}

/** How the files end in which packed libraries lie in a bundle. */
export const packedEnding = ".packed";

/**
 * Puts libraries into the bundle as compressed text that is compiled when it is asked for, instead of bytecode, which is
 * five times as large. For what a server never loads.
 */
export function packedLibraries(list: readonly Packed[]): Plugin {
  return {
    name: "packed-libraries",
    setup(bundler) {
      const { absWorkingDir: root = "", outdir } = bundler.initialOptions;
      const used = new Set<Packed>();
      const inputs: Metafile["inputs"] = {};
      bundler.onResolve({ filter: /^[a-z]/ }, ({ path, importer }) => {
        const found = list.find(({ module }) => module === path);
        if (found === undefined || relative(root, importer).replaceAll("\\", "/") !== found.importer) {
          return undefined;
        }
        used.add(found);
        return { path, namespace: "packed" };
      });
      bundler.onLoad({ filter: /.*/, namespace: "packed" }, async ({ path: module }) => {
        const packed = list.find((each) => each.module === module)!;
        const file = `${module.replaceAll("/", "-")}${packedEnding}`;
        const { text, metafile } = await textOf(packed, root);
        Object.assign(inputs, metafile.inputs);
        if (outdir !== undefined) writePacked(join(outdir, file), text);
        return { contents: opening(packed.names, pathFromCode(bundler, file)), resolveDir: root };
      });
      // The compiler of the binary takes it in.
      bundler.onResolve({ filter: /\.packed$/ }, ({ path }) => ({ path, external: true }));
      bundler.onEnd(({ errors, metafile }) => {
        // What is packed ships, too.
        if (metafile !== undefined) Object.assign(metafile.inputs, inputs);
        return {
          errors: errors.length > 0
            ? []
            : list.filter((each) => !used.has(each)).map(({ module, importer }) => ({
              text: `Cannot pack "${module}" for "${importer}": nothing in the bundle asks for it`,
            })),
        };
      });
    },
  };
}

/** Writes a file for {@link unpack}. */
export function writePacked(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  const params = { [constants.ZSTD_c_compressionLevel]: 19 };
  writeFileSync(path, zstdCompressSync(bytes, { params }));
}

/** Returns how code of the bundle names a file in its folder: of what ships without the folder, which has a name of chance. */
export function pathFromCode(
  { initialOptions: { entryNames, outdir = "" } }: PluginBuild,
  file: string,
): string {
  return entryNames === "[name]" ? `./${file}` : join(outdir, file);
}

/** Returns code for the binary by which `text()` reads a file that {@link writePacked} wrote. */
export function unpack(path: string): string {
  return `
    import { readFileSync } from "node:fs";
    import packed from ${JSON.stringify(path)} with { type: "file" };
    const text = () => new TextDecoder().decode(Bun.zstdDecompressSync(readFileSync(packed)));
  `;
}

/** Returns a library with all that it needs, as one script that fills in `exports`. */
async function textOf(
  { module, names, plugins }: Packed,
  root: string,
): Promise<{ readonly text: Uint8Array; readonly metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export { ${names.join(", ")} } from ${JSON.stringify(module)};`, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "cjs",
    platform: "node",
    target: "esnext",
    loader: { ".wasm": "binary" },
    legalComments: "none",
    logLevel: "silent",
    define: { "import.meta.url": '"file:///harbor-db.js"', __dirname: '"/"', __filename: '"/harbor-db.js"' },
    plugins: [...plugins],
  });
  return { text: outputFiles[0]!.contents, metafile };
}

/** Modules of the bundle that packed code needs: at once, with the names that it takes of each, and when it asks for them by `later[path]()`. */
export interface Needed {
  readonly now: readonly (readonly [path: string, names: readonly string[]])[];
  readonly later: readonly string[];
}

/**
 * Returns the module that stands in the place of packed code, and has these names. It takes each name of other modules by itself: who
 * asks for a module as a whole has Bun make an object of all its names, at each start and for everybody.
 */
export function opening(
  names: readonly string[],
  path: string,
  { now, later }: Needed = { now: [], later: [] },
): string {
  const quoted = JSON.stringify;
  const list = <Item>(items: readonly Item[], code: (item: Item, index: number) => string) =>
    items.map(code).join(", ");
  return `
    ${
    now.map(([path, names], index) =>
      `import { ${list(names, (name) => `${name} as n${index}_${name}`)} } from ${quoted(path)};`
    ).join("\n")
  }
    ${unpack(path)}
    const now = { ${
    list(now, ([path, names], index) =>
      `${quoted(path)}: { ${
        list(names, (name) => `${name}: n${index}_${name}`)
      } }`)
  } };
    const later = { ${list(later, (path) => `${quoted(path)}: () => import(${quoted(path)})`)} };
    const module = { exports: {} };
    new Function("module", "exports", "require", "later", text())(
      module, module.exports, (path) => now[path] ?? process.getBuiltinModule(path), later);
    export const { ${names.join(", ")} } = module.exports;
  `;
}
