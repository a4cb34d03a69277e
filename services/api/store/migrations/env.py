"""Run by alembic: applies the migrations on the connection that the service passes."""

from alembic import context

from services.api.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
