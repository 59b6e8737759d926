/** The sizes and the quality that the benchmark asks for; all else is Next's own default. */
module.exports = {
  images: {
    deviceSizes: [400, 800, 1600],
    imageSizes: [],
    qualities: [80],
    localPatterns: [{ pathname: '/photos/**' }],
  },
}
