import { storeFile } from '../fileModels/store'
import { sdk } from '../sdk'

/** Writes every field that is missing: on the first start all of them, later new ones. */
export const seedStore = sdk.setupOnInit(async effects => {
  await storeFile.merge(effects, {})
})
