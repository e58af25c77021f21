import { setPayout, payoutTask } from '../actions/setPayout'
import { readStore } from '../fileModels/store'
import { i18n } from '../i18n'
import { sdk } from '../sdk'

/** There is no default: until the host says who is paid, the pool does not start. */
export const askForPayout = sdk.setupOnInit(async effects => {
  const { payout } = await readStore()
  if (payout.mode === null) {
    await sdk.action.createOwnTask(effects, setPayout, 'critical', {
      replayId: payoutTask,
      reason: i18n('Say whom the blocks that you find shall pay.'),
    })
  } else {
    await sdk.action.clearTask(effects, payoutTask)
  }
})
