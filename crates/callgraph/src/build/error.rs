use thiserror::Error;
use xenheap_facts::ci;

/// Sources that do not make a graph.
#[derive(Debug, Error)]
pub enum Error {
    /// A `.ci` file is damaged.
    #[error("{0}")]
    Ci(#[from] ci::Error),
    /// There is nothing.
    #[error("there is neither an image nor a .ci file: build with -fcallgraph-info=su")]
    Nothing,
    /// No `.ci` file belongs to the image.
    #[error("none of the {files} .ci files is of a unit of the image {build}: they are of another build")]
    OtherBuild {
        /// How many there are.
        files: usize,
        /// The image's build id.
        build: String,
    },
    /// The `.ci` files are of units of the image, and of a build that has more.
    #[error(
        "of {compared} functions that the .ci files define, {missing} are not in the image {build}: they are of another build; build both in one go"
    )]
    Differs {
        /// Functions that were compared.
        compared: u64,
        /// How many the image lacks.
        missing: u64,
        /// The image's build id.
        build: String,
    },
}
