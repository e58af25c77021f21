/** What was mounted in containers; see setup.cjs. */
declare var mounted: unknown[]
