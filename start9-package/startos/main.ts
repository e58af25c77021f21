/** One image, one program, and what it says of itself. */
import { renderConfig } from './config'
import { ipcMount, refuseWithoutBitcoin } from './deps/bitcoind'
import { statusFile } from './fileModels/status'
import { newStore, storeFile } from './fileModels/store'
import * as health from './health'
import type { Health } from './health'
import { i18n } from './i18n'
import { ownMount, program, user } from './node'
import { data, files, ports } from './places'
import { replace } from './replace'
import { sdk } from './sdk'

/** StartOS kills after this; the pool is gone within 25 s, with Bitcoin's IPC closed. */
const STOP_MILLISECONDS = 30_000

export const main = sdk.setupMain(async ({ effects }) => {
  // A changed store starts the pool again.
  const store = (await storeFile.read().const(effects)) ?? newStore
  if (store.payout.mode === null) {
    throw new Error(
      i18n('Nobody is named to be paid. Do the task Set Payout first.'),
    )
  }
  await refuseWithoutBitcoin(effects)
  await replace(files.config, renderConfig(store))

  const container = sdk.SubContainer.of(
    effects,
    { imageId: 'node' },
    sdk.Mounts.of().mountVolume(ownMount).mountDependency(ipcMount),
    'node',
  )
  const often = sdk.trigger.statusTrigger(30_000, {
    starting: 5_000,
    failure: 5_000,
    loading: 10_000,
  })
  const listening = (port: number, yes: string, no: string) => () =>
    sdk.healthCheck.checkPortListening(effects, port, {
      successMessage: yes,
      errorMessage: no,
    })
  const said = (judge: (status: Status, now: number) => Health) => async () =>
    judge(await statusFile.read().once(), Date.now())

  return sdk.Daemons.of(effects)
    .addDaemon('node', {
      subcontainer: container,
      exec: {
        command: [program, 'pool', '--config', `${data}/${files.config}`],
        user,
        env: {
          RUST_LOG: store.pool.log,
          // Settings are made here: the dashboard only shows them.
          PUNCHBOWL_CONFIG_MANAGED: 'startos',
        },
        sigtermTimeout: STOP_MILLISECONDS,
      },
      ready: {
        display: i18n('Pool'),
        gracePeriod: 30_000,
        trigger: often,
        fn: listening(
          ports.sv2,
          i18n('Miners can connect'),
          i18n('The pool does not listen; see the logs'),
        ),
      },
      requires: [],
    })
    .addHealthCheck('templates', {
      ready: {
        display: i18n('Block templates'),
        gracePeriod: 60_000,
        trigger: often,
        fn: said(health.templates),
      },
      requires: ['node'],
    })
    .addHealthCheck('ledger', {
      ready: {
        display: i18n('Ledger'),
        trigger: often,
        fn: said(health.ledger),
      },
      requires: ['node'],
    })
    .addHealthCheck('sv1', {
      ready: {
        display: i18n('Old miners (Stratum V1)'),
        trigger: often,
        fn: listening(
          ports.sv1,
          i18n('Old miners can connect'),
          i18n('The port for old miners does not listen; see the logs'),
        ),
      },
      requires: ['node'],
    })
    .addHealthCheck('members', {
      ready: {
        display: i18n('Members by invite'),
        trigger: often,
        fn: said((status, now) => health.members(status, store, now)),
      },
      requires: ['node'],
    })
    .addHealthCheck('dashboard', {
      ready: {
        display: i18n('Dashboard'),
        trigger: often,
        fn: listening(
          ports.http,
          i18n('The dashboard is ready'),
          i18n('The dashboard does not answer; see the logs'),
        ),
      },
      requires: ['node'],
    })
    .addHealthCheck('miners', {
      ready: {
        display: i18n('Miners'),
        trigger: often,
        fn: said(health.miners),
      },
      requires: ['node'],
    })
})

type Status = Parameters<typeof health.templates>[0]
