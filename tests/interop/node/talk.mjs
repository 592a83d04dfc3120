// How a script here is told something and tells something by turns, each a line of JSON.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

export const hear = async () => JSON.parse((await lines.next()).value)
export const tell = (what) => console.log(JSON.stringify(what))
