/** Whatever the forms can make goes through the program's own check. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { renderConfig } from '../startos/config'
import { newStore, type Store } from '../startos/fileModels/store'
import { ADDRESS, DESCRIPTOR, NODE, write } from './place'

function verdict(store: Store): { good: boolean; problems: { key: string }[] } {
  write('run/candidate.json', renderConfig(store))
  const { stdout, status } = spawnSync(
    process.env.PUNCHBOWL_BIN!,
    [
      'check-config',
      '--config',
      `${process.env.TEST_VOLUME}/run/candidate.json`,
      '--json',
    ],
    { encoding: 'utf8', env: {} },
  )
  const said = JSON.parse(stdout)
  assert.equal(status, said.good ? 0 : 1)
  return said
}

const both = { ...newStore.payout, address: ADDRESS, descriptor: DESCRIPTOR }
const payouts: Store['payout'][] = [
  { ...both, mode: 'address' },
  { ...both, mode: 'descriptor' },
  { ...both, mode: 'solo' },
  { ...both, mode: 'solo', feePercent: 1.5, feeAddress: ADDRESS },
  { ...both, mode: 'shared' },
  {
    ...both,
    mode: 'shared',
    feePercent: 0.0001,
    feeAddress: ADDRESS,
    bonusPercent: 100,
    window: 'recent',
    windowDifficulties: 2.5,
    windowDays: 30,
  },
  { ...both, mode: 'shared', window: 'recent', windowDays: 0.01 },
  {
    ...both,
    mode: 'shared',
    window: 'event',
    eventStart: '2026-12-24T18:00',
    eventEnd: '2026-12-25T02:00',
  },
]
const relays = [`203.0.113.9,${NODE}`, 'relay.example,ca']

test('every combination of choices is a configuration that the pool takes', () => {
  for (const payout of payouts) {
    for (const relay of ['none', 'public', 'own'] as const) {
      for (const on of [true, false]) {
        const store: Store = {
          ...newStore,
          payout,
          pool: { ...newStore.pool, rental: on, tag: on ? '/x/' : '' },
          iroh: {
            ...newStore.iroh,
            enabled: on,
            relay,
            relays,
            publish: on,
            membersOnly: on,
            members: [NODE],
          },
        }
        assert.deepEqual(verdict(store).problems, [], JSON.stringify(store))
      }
    }
  }
})

test('the limits of each form are within the pool’s own', () => {
  const extremes: Partial<Store['pool']>[] = [
    { sharesPerMinute: 0.1 },
    { sharesPerMinute: 1000 },
    { minDifficulty: 0.0000001 },
    { minDifficulty: 1_000_000_000 },
    { rentalDifficulty: 1 },
    { rentalDifficulty: 1_000_000_000_000 },
    { templateSeconds: 1 },
    { templateSeconds: 600 },
    { templateSatoshi: 0 },
    { templateSatoshi: 100_000_000 },
  ]
  for (const extreme of extremes) {
    const pool = { ...newStore.pool, rental: true, ...extreme }
    const store = { ...newStore, payout: payouts[2]!, pool }
    assert.deepEqual(verdict(store).problems, [], JSON.stringify(extreme))
  }
})

test('a new installation’s configuration lacks the payout and nothing else', () => {
  const { good, problems } = verdict(newStore)
  assert.equal(good, false)
  assert.deepEqual(
    problems.map(({ key }) => key),
    ['payout.address'],
  )
})
