import { files } from './places'
import { sdk } from './sdk'

/** What another start makes anew. */
export const notBackedUp = ['run', files.config]

/** Keys, ledger, solved blocks, the payout index and the store: all that cannot be made anew. */
export const { createBackup, restoreInit } = sdk.setupBackups(async () =>
  sdk.Backups.ofVolumes('main').setOptions({ exclude: notBackedUp }),
)
