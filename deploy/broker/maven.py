"""The one place that talks to jgo: resolving coordinates and downloading jars.

Only jgo's Python resolver is used and everything lands in a folder that the caller names, so
neither Maven nor `~/.m2` nor jgo's own cache takes part.
"""

from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
_TIMEOUT_S = 60


def maven_context(repository_cache: Path, repository: str = MAVEN_CENTRAL) -> MavenContext:
    """A jgo context that reads from one remote repository and writes to one local folder."""
    return MavenContext(
        resolver=PythonResolver(),
        repo_cache=repository_cache,
        # An empty list also keeps repositories that a person configured for jgo out of this.
        local_repos=[],
        remote_repos={"central": repository},
        timeout=_TIMEOUT_S,
    )


def resolve_jars(context: MavenContext, coordinates: list[str]) -> list[tuple[str, Path]]:
    """Resolve coordinates and everything they need at run time.

    Returns pairs of `group:artifact:version:classifier` and the downloaded file, the asked
    ones first.  Raises OSError or RuntimeError when the repository cannot answer.
    """
    asked = [context.create_dependency(coordinate) for coordinate in coordinates]
    inputs, transitive = context.resolver.resolve(asked)
    return [
        (
            f"{found.groupId}:{found.artifactId}:{found.version}:{found.classifier}",
            found.artifact.resolve(),
        )
        for found in [*inputs, *transitive]
        if found.type == "jar" and not found.optional
    ]


def download_jar(context: MavenContext, coordinate: str) -> Path:
    """Download one jar, without its dependencies, into the context's folder.

    Raises OSError when the repository cannot be reached and RuntimeError when it does not
    have the jar.
    """
    artifact = context.create_dependency(coordinate).artifact
    # jgo writes straight to the final name, so what an earlier interrupted download left
    # behind would be taken for the whole jar.
    if artifact.cached_path is not None:
        artifact.cached_path.unlink(missing_ok=True)
    return artifact.resolve()
