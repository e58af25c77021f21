import { actions } from '../actions'
import { restoreInit } from '../backups'
import { askForIpc, setDependencies } from '../deps/bitcoind'
import { setInterfaces } from '../interfaces'
import { sdk } from '../sdk'
import { versionGraph } from '../versions'
import { afterRestore } from './afterRestore'
import { askForPayout } from './askForPayout'
import { publishAddresses } from './publishAddresses'
import { seedStore } from './seedStore'

export const init = sdk.setupInit(
  restoreInit,
  versionGraph,
  seedStore,
  setInterfaces,
  setDependencies,
  actions,
  askForIpc,
  askForPayout,
  publishAddresses,
  afterRestore,
)

export const uninit = sdk.setupUninit(versionGraph)
