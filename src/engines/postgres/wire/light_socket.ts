/** A file of its own, so that the binary can put something in the place of `node:net` here and nowhere else. */
export { createConnection } from "node:net";
