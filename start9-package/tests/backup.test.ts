import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { test } from 'node:test'
import { createBackup } from '../startos'
import { freshStartOs, initialise } from './place'

/** What rsync was asked for since the last time. */
function copied(): string[][] {
  const file = `${process.env.TEST_FLOOR}/rsync`
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  rmSync(file)
  return lines.map(line => JSON.parse(line) as string[])
}

const EXCLUDED = ['run', 'config.json']
const excludes = (args: string[]) =>
  args
    .filter(arg => arg.startsWith('--exclude='))
    .map(arg => arg.slice('--exclude='.length))

test('a backup holds the volume with keys and ledger, without what is made anew', async () => {
  await createBackup({ effects: freshStartOs().effects() })
  const volume = copied().filter(args =>
    args.some(arg => arg.startsWith('/media/startos/volumes/main')),
  )
  assert.equal(volume.length, 1)
  assert.deepEqual(excludes(volume[0]!), EXCLUDED)
  assert.match(volume[0]!.at(-1)!, /^\/media\/startos\/backup\//)
})

test('a restore brings the same back, and nothing is copied on other starts', async () => {
  const os = freshStartOs()
  await initialise(os, 'restore')
  const volume = copied().filter(args =>
    args.at(-1)!.startsWith('/media/startos/volumes/main'),
  )
  assert.equal(volume.length, 1)
  assert.deepEqual(excludes(volume[0]!), EXCLUDED)
  await initialise(os, 'update')
  assert.throws(copied)
})
