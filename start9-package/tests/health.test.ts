import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newStore } from '../startos/fileModels/store'
import { ledger, members, miners, templates } from '../startos/health'
import { status } from './place'

const NOW = 1_800_000_000_000
const well = () => status(NOW) as any
const silent = () => ({ ...status(NOW - 120_000) }) as any

test('while Bitcoin serves, the height and the age of the template are said', () => {
  const { result, message } = templates(well(), NOW)
  assert.equal(result, 'success')
  assert.match(message, /930,000.* 12 s/)
})

test('a Bitcoin that syncs is no failure', () => {
  const syncing = { ...well(), source: { state: 'syncing', detail: 'x' } }
  assert.equal(templates(syncing, NOW).result, 'loading')
})

test('a socket that is not there is a failure that says what to enable', () => {
  const detail = 'no node.sock'
  const lost = { ...well(), source: { state: 'connecting', detail } }
  const { result, message } = templates(lost, NOW)
  assert.equal(result, 'failure')
  assert.match(message, /IPC enabled.*no node\.sock/)
  assert.equal(templates({ ...well(), source: null }, NOW).result, 'failure')
})

test('a template of long ago is doubted, but is no failure', () => {
  const old = well()
  old.template.age_seconds = 30 * 60
  const { result, message } = templates(old, NOW)
  assert.equal(result, 'loading')
  assert.match(message, /30 min/)
})

test('a pool that has fallen silent is not called well', () => {
  for (const check of [templates, ledger, miners]) {
    assert.equal(check(silent(), NOW).result, 'starting')
    assert.equal(check(null, NOW).result, 'starting')
  }
  assert.equal(members(silent(), newStore, NOW).result, 'starting')
})

test('no miner is no failure', () => {
  const lonely = well()
  lonely.connection_counts.channels = 0
  assert.equal(miners(lonely, NOW).result, 'loading')
  assert.match(miners(well(), NOW).message, /3 miners/)
})

test('members are counted by their way, or said to be off', () => {
  assert.match(
    members(well(), newStore, NOW).message,
    /1 members connect directly, 1 through a relay/,
  )
  const off = { ...newStore, iroh: { ...newStore.iroh, enabled: false } }
  assert.equal(members(well(), off, NOW).result, 'disabled')
})

test('a disk that takes nothing is a failure with the pool’s own words', () => {
  const stalled = {
    ...well(),
    ledger: { state: 'stalled', detail: 'disk full' },
  }
  const { result, message } = ledger(stalled, NOW)
  assert.equal(result, 'failure')
  assert.match(message, /disk full/)
})
